"""What is watched while a language model learns: R, Figs. 8 and 9 and supplementary Figs. 5 to 7.

Two files remember it, written by `finish` into the run's folder. Axes: `epoch` every probe, `slow_epoch` every slow
one, `mode` (constant, feedback), `token` the constant input or the first one under feedback (its ids are the array
`token`), `start` the start states N(0, 100^2), `projection` (mean of the logits, "is", "Valkyria", "<unk>").

attractors.safetensors
    mean, deviation (epoch, mode, token, start, projection): over the last `keep` of `steps` steps
    sample (epoch, mode, token, start, time): the mean of the logits minus `mean`, the last `shown` steps, float16
    sample_word (epoch, mode, near, time, word): the three words' logits minus `mean`, first token, first two starts
    period (epoch, mode, token, start): of the output, to 1e-5 of its size, at most keep / 2 (constant input); of the
        tokens (feedback); 0 for none
    loop_start (epoch, token, start): tokens generated before the loop of tokens begins, -1 where there is none
    state_start, state_period (epoch, token, start): the same for the state (h, c), repeated to the last bit
    loop_entry (epoch, token, start): the token before the loop, -1 where there is none or nothing before it
    loop (slow_epoch, token, start, place): the loop's first tokens, -1 behind its end
    kind (slow_epoch, mode, token, start): number in attributes["kinds"]: `dynamics.classify` for the constant input;
        for feedback chaotic where the exponent is above four standard errors and 1 / n, else by the loop's period
    exponents_constant, exponents_feedback (slow_epoch, token, start, exponent), exponents_text (slow_epoch, stream,
        exponent): nats a token; under feedback and along the validation text those of the network driven by these
        tokens, since the arg max has derivative zero; -inf where a step forgets everything, as an orthogonal network
        does when all its units are off; error_... : standard error of the first one
    multipliers (slow_epoch, token, multiplier, part): of the constant input's fixed point, by modulus; NaN where
        Newton's method has found none
    followed (slow_epoch, token): 1 where that point was reached from the one of the slow probe before, 0 where it was
        sought anew; runs without it have sought it anew every time
final.safetensors
    the same without the first axis, over longer orbits after the last epoch; the axis `token` holds as many more, drawn
    from the whole vocabulary, and `sample` (mode, token, start, time, projection) has all projections;
    opening (token, start, place): the first tokens generated under feedback;
    attributes["words"]: the words of the axes `token` and `loop` by their numbers
    text_distance, text_variation (read, stream): two runs read the same text from unequal states: the distance of
        these, relative to their size, and the total variation between their predictions
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from paperlib.models.language import LanguageModel
from paperlib.training import arrays
from paperlib.training.language_measures import constant_orbits, driven, feedback_orbits, forgetting, labels, leading
from paperlib.training.precision import products

MODES = ("constant", "feedback")
WORDS = ("is", "Valkyria", "<unk>")  # R, supplementary Figs. 5 to 7
NEAR = 2  # starts whose words' logits are kept
PLACES = 64  # tokens of a loop that are kept
WEIGHTS, LOCAL = 600_000, 2**24  # bytes of weights that are committed, and that are kept at all


class LanguageProbe:
    """Attractors of a language model under constant input and under feedback, every `every` epochs.

    tokens (I,) constant inputs and more (I,) for the last measure, starts (S, N_x), ids of WORDS, text (T, streams) for
    exponents along it, spell(ids) -> their words. Orbits of `steps` steps, the last `keep` kept; every `slow` epochs
    also `measure`: exponents over n steps after `settle`, kinds by `classify` with `label`, multipliers. final: other
    steps, n, settle, label for the end. Products are float32 whatever the training's precision; exponents and
    multipliers float64.
    """

    def __init__(
        self,
        folder: Path,
        tokens: Tensor,
        more: Tensor,
        starts: Tensor,
        words: list[int],
        text: Callable[[], Tensor],
        spell: Callable[[list[int]], list[str]],
        *,
        steps: int = 1600,
        keep: int = 100,
        shown: int = 50,
        every: int = 1,
        slow: int = 25,
        n: int = 400,
        settle: int = 200,
        label: int = 1000,
        k: int = 2,
        streams: int = 5,
        final: dict[str, int] | None = None,
    ):
        self.folder = folder / "probes"
        self.tokens, self.more, self.starts, self.words = tokens, more, starts, words
        self.text, self.spell = text, spell
        self.steps, self.keep, self.shown, self.every, self.slow = steps, keep, shown, every, slow
        self.options = {"n": n, "settle": settle, "label": label}
        self.k, self.streams, self.final = k, streams, {"steps": steps} | self.options | (final or {})
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, model: LanguageModel, epoch: int) -> None:
        if epoch % self.every:
            return
        with products("float32"):
            record, state = self.orbits(model, self.tokens, self.steps)
            if epoch % self.slow == 0:
                record |= self.measure(model, self.tokens, state, record, self.before(epoch), **self.options)
        arrays.save(self.folder / f"epoch-{epoch:06d}.safetensors", record, epoch=epoch)

    @torch.no_grad()
    def orbits(self, model: LanguageModel, tokens: Tensor, steps: int) -> tuple[arrays.Named, dict[str, Tensor]]:
        """Both orbits of every token and start, folded into arrays; and the states they ended in, (I, S, N_x)."""
        shape = (len(tokens), len(self.starts))
        z = tokens.to(model.weight_ho.device).repeat_interleave(shape[1])
        x = self.starts.to(model.weight_ho).repeat(shape[0], 1)
        weight, bias = model.projections(self.words)
        constant, x_constant = constant_orbits(model, z, x, steps, self.keep)
        feedback, x_feedback, generated, marks = feedback_orbits(model, z, x, steps, self.keep)
        y = torch.stack([constant, feedback], 1) @ weight.T + bias  # (time, mode, I S, projection)
        mean = y.double().mean(0).float()
        around = (y - mean)[-self.shown :]
        own, both = ("token", "start"), ("mode", "token", "start")
        found = labels(y[:, 0], generated, marks)
        record: arrays.Named = {
            "mean": ((*both, "projection"), mean.unflatten(1, shape)),
            "deviation": ((*both, "projection"), y.std(0).unflatten(1, shape)),
            "sample": ((*both, "time"), around[..., 0].movedim(0, -1).half().unflatten(1, shape)),
            "sample_word": (("mode", "near", "time", "word"), around[:, :, :NEAR, 1:].movedim(0, 2).half()),
            "period": (both, torch.stack([found.pop("period"), found["loop_period"]]).unflatten(1, shape)),
        }
        del found["loop_period"]
        loop = found.pop("loop")[:, :PLACES]
        loop = torch.nn.functional.pad(loop, (0, PLACES - loop.shape[1]), value=-1)
        record |= {name: (own, value.unflatten(0, shape)) for name, value in found.items()}
        record["loop"] = ((*own, "place"), loop.unflatten(0, shape))
        record["generated"] = (("step", *own), generated.to(torch.int32).unflatten(1, shape))
        record["logits"] = (("time", *both, "projection"), y.unflatten(2, shape))
        return record, {"constant": x_constant.unflatten(0, shape), "feedback": x_feedback.unflatten(0, shape)}

    @torch.no_grad()
    def measure(
        self,
        model: LanguageModel,
        tokens: Tensor,
        state: dict[str, Tensor],
        record: arrays.Named,
        before: Tensor | None,
        **options: int,
    ) -> arrays.Named:
        """Exponents in all three modes and kinds from where the orbits ended; fixed points, followed from `before`."""
        n, settle, label = options["n"], options["settle"], options["label"]
        shape, k = (len(tokens), len(self.starts)), min(self.k, model.state_size)
        z = tokens.to(model.weight_ho.device).repeat_interleave(shape[1])
        x = {mode: value.flatten(0, 1).double() for mode, value in state.items()}
        text = self.text()[: n + settle, : self.streams].to(z.device)
        zero = x["constant"].new_zeros(text.shape[1], model.state_size)
        result: arrays.Named = {}
        for mode, source, x0, axes, fold, count in (
            ("constant", lambda t, x: z, x["constant"], ("token", "start"), shape, n),
            ("feedback", lambda t, x: model.next_token(x), x["feedback"], ("token", "start"), shape, n),
            ("text", lambda t, x: text[t], zero, ("stream",), (len(zero),), min(n, len(text) - settle)),
        ):
            logs = driven(model, source, x0, count, settle, k)
            blocks = logs[: len(logs) // 10 * 10].unflatten(0, (10, -1)).mean(1)
            exponents, error = logs.mean(0), blocks[..., 0].std(0) / 10**0.5
            result[f"exponents_{mode}"] = ((*axes, "exponent"), exponents.float().unflatten(0, fold))
            result[f"error_{mode}"] = (axes, error.float().unflatten(0, fold))
        period = record["period"][1][1].to(z.device)
        # Below 1/n tangents have not even grown by a factor e: an isometry's exponent is zero but for rounding.
        least = (4 * result["error_feedback"][1]).clamp(min=1 / n)
        chaotic = result["exponents_feedback"][1][..., 0] > least
        return result | leading(model, z, x["constant"], shape, label, k, period, chaotic, before)

    def before(self, epoch: int) -> Tensor | None:
        """Fixed points of the slow probe before an epoch, (I, N_x), from which Newton's method goes on."""
        path = self.folder / f"epoch-{(epoch - 1) // self.slow * self.slow:06d}.safetensors"
        return arrays.load(path)[0]["fixed_point"][1] if epoch > 0 and path.exists() else None

    def finish(self, model: LanguageModel, folder: Path, epoch: int) -> dict[str, float]:
        """The two small files, the weights where they are small, and the perplexities of R, section 5.3."""
        gather(self, folder, epoch)
        with torch.no_grad(), products("float32"):
            tokens = torch.cat([self.tokens, self.more])
            record, state = self.orbits(model, tokens, self.final["steps"])
            # The last probe may be of this epoch: then the point is its own.
            before = self.before(epoch + 1)
            if before is not None:
                before = torch.cat([before, before.new_full((len(self.more), before.shape[-1]), torch.nan)])
            record |= self.measure(model, tokens, state, record, before, **self.final)
            distance, variation = forgetting(model, self.text()[:, : self.streams].to(model.weight_ho.device))
        logits = record.pop("logits")[1][-self.shown :] - record["mean"][1]
        record["sample"] = (("mode", "token", "start", "time", "projection"), logits.movedim(0, 3).half())
        record["text_distance"] = (("read", "stream"), distance)
        record["text_variation"] = (("read", "stream"), variation)
        record["token"] = (("token",), tokens.to(torch.int32))
        opening = record["generated"][1][:PLACES].movedim(0, -1)
        record["opening"] = (("token", "start", "place"), opening)
        for name in ("generated", "sample_word", "fixed_point", "followed"):
            del record[name]
        ids = sorted({*tokens.tolist(), *record["loop"][1].flatten().tolist()} - {-1})
        words = dict(zip(map(str, ids), self.spell(ids), strict=True))
        arrays.save(folder / "final.safetensors", record, words=words, **attributes(), **self.final)
        size = sum(value.numel() * value.element_size() for value in model.state_dict().values())
        if size <= LOCAL:
            name = "model" if size <= WEIGHTS else "weights"
            arrays.save(folder / f"{name}.safetensors", arrays.plain(model.state_dict()))
        return perplexities(folder)


def attributes() -> dict[str, list[str]]:
    from paperlib.dynamics.classify import KINDS

    return {"modes": list(MODES), "projections": ["mean", *WORDS], "kinds": [str(kind) for kind in KINDS]}


def gather(probe: LanguageProbe, folder: Path, last: int) -> None:
    """All probes up to epoch `last` in one small file: attractors.safetensors."""
    columns: dict[str, list[Tensor]] = {}
    dims: dict[str, tuple[str, ...]] = {}
    epochs: dict[str, list[int]] = {"epoch": [], "slow_epoch": []}
    for path in sorted(probe.folder.glob("epoch-*.safetensors")):
        record, about = arrays.load(path)
        if about["epoch"] > last:
            continue
        slow = "kind" in record
        epochs["epoch"].append(about["epoch"])
        if slow:
            epochs["slow_epoch"].append(about["epoch"])
        for name, (own, value) in record.items():
            axis = "slow_epoch" if name in SLOW else "epoch"
            if name in RAW or (axis == "slow_epoch" and not slow):
                continue
            columns.setdefault(name, []).append(value)
            dims[name] = (axis, *own)
    result = {name: (dims[name], torch.stack(values)) for name, values in columns.items()}
    result |= {name: ((name,), torch.tensor(values, dtype=torch.int32)) for name, values in epochs.items()}
    result["token"] = (("token",), probe.tokens.to(torch.int32))
    arrays.save(folder / "attractors.safetensors", result, steps=probe.steps, keep=probe.keep, **attributes())


RAW = ("generated", "logits", "fixed_point")  # only in the files of the single epochs
SLOW = (
    "loop",
    "kind",
    "multipliers",
    "followed",
    *(f"{what}_{mode}" for what in ("exponents", "error") for mode in (*MODES, "text")),
)


def perplexities(folder: Path) -> dict[str, float]:
    """Validation and test perplexity at the best validation loss, and that epoch, counted from 1."""
    history = {name: value.double() for name, (_, value) in arrays.load(folder / "history.safetensors")[0].items()}
    test = history["test_loss"]
    best = int(torch.nonzero(~torch.isnan(test))[-1])
    return {
        "test_loss": float(test[best]),
        "test_perplexity": float(test[best].exp()),
        "validation_perplexity": float(history["validation_loss"][best].exp()),
        "best_epoch": best + 1,
    }

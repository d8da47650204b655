"""Cross entropy of a softmax over a large vocabulary, without the array of all logits."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LARGEST = 2**24  # logits at a time: 64 MB in float32, where larger pieces are no faster


def rows_at_once(count: int, vocabulary: int) -> int:
    """How many of `count` rows of logits are held: at most an eighth, and no more than LARGEST numbers."""
    return max(1, min(-(-count // 8), max(64, LARGEST // vocabulary)))


def cross_entropy(
    h: Tensor,
    weight: Tensor,
    bias: Tensor,
    target: Tensor,
    *,
    rows: int | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Summed cross entropy of softmax(W h + b), h (..., H), W (V, H), b (V,), target (...) of ids -> a number.

    Equal to `torch.nn.functional.cross_entropy(h @ W.T + b, target, reduction="sum")`, gradients too, but only `rows`
    rows of the logits exist at a time: their gradient is known as soon as they are, and is multiplied out at once.
    dtype is that of the matrix products (bfloat16 on a GPU), by default that of h; sums are kept in W's.

    Raises ValueError for shapes that do not fit.
    """
    if h.shape[:-1] != target.shape or weight.dim() != 2 or h.shape[-1] != weight.shape[1]:
        shapes = f"h {tuple(h.shape)}, weight {tuple(weight.shape)}, target {tuple(target.shape)}"
        raise ValueError(f"shapes are {shapes}, expected (..., H), (V, H), (...)")
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"bias has shape {tuple(bias.shape)}, expected ({weight.shape[0]},)")
    flat, target = h.reshape(-1, h.shape[-1]), target.reshape(-1)
    rows = rows_at_once(len(flat), len(weight)) if rows is None else rows
    if not isinstance(rows, int) or rows < 1:
        raise ValueError(f"rows is {rows!r}, expected a positive integer")
    dtype = weight.dtype if dtype is None else dtype
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (h, weight, bias)):
        return ChunkedCrossEntropy.apply(flat, weight, bias, target, rows, dtype)
    loss, cast = [], weight.to(dtype)
    with torch.autocast(h.device.type, enabled=False):
        for part in torch.arange(len(flat), device=h.device).split(rows):
            log_p = log_probabilities(flat[part].to(dtype), cast, bias)
            loss.append(-log_p.gather(1, target[part, None]).sum())
    return torch.stack(loss).sum()


def log_probabilities(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """log softmax(W h + b) in the bias's dtype, (n, H) -> (n, V)."""
    if h.dtype == bias.dtype:
        return torch.log_softmax(torch.addmm(bias, h, weight.T), 1)
    return torch.log_softmax((h @ weight.T).to(bias.dtype).add_(bias), 1)


class ChunkedCrossEntropy(torch.autograd.Function):
    """The loss and, in the same pass, its gradients: softmax minus one at the target, times W and h."""

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, bias: Tensor, target: Tensor, rows: int, dtype: torch.dtype) -> Tensor:
        dh, dweight, dbias = torch.empty_like(h), torch.zeros_like(weight), torch.zeros_like(bias)
        cast, loss = weight.to(dtype), []
        with torch.autocast(h.device.type, enabled=False):
            for begin in range(0, len(h), rows):
                part = slice(begin, begin + rows)
                h_part, target_part = h[part].to(dtype), target[part, None]
                p = log_probabilities(h_part, cast, bias)
                loss.append(-p.gather(1, target_part).sum())
                p.exp_().scatter_add_(1, target_part, p.new_full((), -1.0).expand(target_part.shape))
                dbias += p.sum(0)
                p = p.to(dtype)
                if dtype == weight.dtype:
                    torch.mm(p, cast, out=dh[part])
                    dweight.addmm_(p.T, h_part)
                else:
                    dh[part] = p @ cast
                    dweight += p.T @ h_part
                del p
        ctx.save_for_backward(dh, dweight, dbias)
        return torch.stack(loss).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        return *(grad * part for part in ctx.saved_tensors), None, None, None

"""When a training may stop before its end: limits that are no part of what a run is, so that it can be continued."""

from collections.abc import Mapping


class UnknownColumn(ValueError):
    """A limit names a column that the history does not have."""


class Limits:
    """Epochs in all, and a value in a column of the history, after which a run stops between two epochs.

    until: "COLUMN=VALUE", reached when the column's last value is VALUE or more. Raises ValueError for a text of
    another form and for epochs that are not positive.
    """

    def __init__(self, max_epochs: int | None = None, until: str | None = None):
        if max_epochs is not None and max_epochs < 1:
            raise ValueError(f"--max-epochs is {max_epochs}, expected a positive number")
        self.max_epochs, self.column, self.value = max_epochs, None, float("inf")
        if until is not None:
            self.column, _, value = until.partition("=")
            try:
                self.value = float(value)
            except ValueError:
                self.value = float("nan")
            if not self.column or self.value != self.value:
                raise ValueError(f"--until is {until!r}, expected COLUMN=VALUE with a number")

    def reached(self, epochs: int, last: Mapping[str, float]) -> str:
        """Which limit a run of so many epochs, with these last values of its history, has come to; "" for none.

        Raises UnknownColumn.
        """
        if not epochs:
            return ""
        if self.column is not None and self.column not in last:
            raise UnknownColumn(f"--until names {self.column!r}, expected one of {', '.join(last)}")
        if self.column is not None and last[self.column] >= self.value:
            return f"{self.column} has reached {last[self.column]:g}"
        return f"{epochs} epochs" if self.max_epochs is not None and epochs >= self.max_epochs else ""

    def __call__(self, training) -> bool:
        return bool(self.why(training))

    def why(self, training) -> str:
        return self.reached(training.epoch, {name: values[-1] for name, values in training.history.items()})

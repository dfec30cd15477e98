"""What was wrong with the input and what was done about it, gathered by kind so that a hundred like cases
read as one line."""

from __future__ import annotations

from magic_demo.core.messages import Message

NAMES_IN_FULL = 3


class Findings:
    """Lines of the form ``what is wrong and what was done: every name``, in the order in which the kinds were
    first met."""

    def __init__(self) -> None:
        """Start with none."""
        self._details: dict[str, dict[str, list[str]]] = {}

    def add(self, kind: str, name: str, detail: str = "") -> None:
        """Note that ``name`` (a file, an encounter) shows ``kind``; ``detail`` says where in it, a qid for
        instance."""
        details = self._details.setdefault(kind, {}).setdefault(name, [])
        if detail and detail not in details:
            details.append(detail)

    def extend(self, added: Findings) -> None:
        """Add what another part of the same input shows, after what there is."""
        for kind, names in added._details.items():
            for name, details in names.items():
                self._details.setdefault(kind, {}).setdefault(name, [])
                for detail in details:
                    self.add(kind, name, detail)

    def lines(self) -> tuple[str, ...]:
        """Return one line a kind, with every name; of more than three details of one name only the number."""
        return tuple(
            Message(
                "{finding} ({count}): {names}",
                finding=kind,
                count=len(names),
                names=[_label(name, details) for name, details in names.items()],
            )
            for kind, names in self._details.items()
        )


def _label(name: str, details: list[str]) -> str:
    if not details:
        return name
    if len(details) <= NAMES_IN_FULL:
        return Message("{name} [{details}]", name=name, details=details)
    return Message("{name} [{count} places]", name=name, count=len(details))

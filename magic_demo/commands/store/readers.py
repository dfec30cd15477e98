"""``python -m magic_demo readers``: who may sign in and review."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from pathlib import Path

from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument, add_store_to_actions
from magic_demo.core.errors import StoreError
from magic_demo.core.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.reviews.store import READER_ROLES, Store
from magic_demo.reviews.store.names import fold_name

_EPILOG = (
    "Without any reader who has a password the page asks nobody to sign in, and everyone at it is the "
    "local reader. "
    "Reviews of a removed reader are kept under the name; adding the name again brings the reader back."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``readers`` and its actions."""
    parser.epilog = _EPILOG
    add_store_argument(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a reader; asks for the password twice")
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role",
        choices=READER_ROLES,
        default="reader",
        help="an adjudicator sees every review and saves the consensus (default: reader)",
    )
    actions.add_parser("list", help="list the readers").add_argument(
        "--removed", action="store_true", help="those who were removed too"
    )
    actions.add_parser("remove", help="end a reader's access; their reviews are kept").add_argument(
        "name", metavar="NAME"
    )
    password = actions.add_parser("password", help="give a reader a new password")
    password.add_argument("name", metavar="NAME")
    role = actions.add_parser("role", help="give a reader another role")
    role.add_argument("name", metavar="NAME")
    role.add_argument("role", choices=READER_ROLES, metavar="ROLE", help=", ".join(READER_ROLES))
    for action in (add, password):
        action.add_argument(
            "--password-file",
            type=Path,
            metavar="FILE",
            help="read the password from the file's first line instead of asking",
        )
    add_store_to_actions(actions)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and say it in one line; returns 0. Raises StoreError."""
    with Store.open(arguments.store) as store:
        actions: dict[str, Callable[[Store, argparse.Namespace], str]] = {
            "add": _add,
            "list": _list,
            "remove": _remove,
            "password": _password,
            "role": _role,
        }
        print(actions[arguments.action](store, arguments))
    return 0


def _add(store: Store, arguments: argparse.Namespace) -> str:
    # a name that is taken is said before a password is asked for
    if any(fold_name(reader.name) == fold_name(arguments.name) for reader in store.readers()):
        raise StoreError(
            "there is a reader {name!r} already; choose another name, or readers password for a new password",
            name=arguments.name,
        )
    reader = store.add_reader(
        arguments.name, role=arguments.role, password=_read_password(arguments), by=find_actor()
    )
    return f"{reader.name} can sign in ({reader.role})"


def _list(store: Store, arguments: argparse.Namespace) -> str:
    readers = store.readers(removed=arguments.removed)
    width = max(len(reader.name) for reader in readers)
    lines = []
    for reader in readers:
        access = "removed" if reader.removed else "signs in" if reader.has_password else "no password"
        lines.append(f"{reader.name:<{width}}  {reader.role:<11}  {access}")
    return "\n".join(lines)


def _remove(store: Store, arguments: argparse.Namespace) -> str:
    kept = store.remove_reader(arguments.name, by=find_actor())
    return f"{arguments.name} cannot sign in any more; {kept} review{'' if kept == 1 else 's'} kept"


def _password(store: Store, arguments: argparse.Namespace) -> str:
    reader = store.reader(arguments.name)  # an unknown name is said before a password is asked for
    store.set_password(reader.name, _read_password(arguments), by=find_actor())
    return f"{reader.name} has a new password; who was signed in under the name has to sign in again"


def _role(store: Store, arguments: argparse.Namespace) -> str:
    store.set_role(arguments.name, arguments.role, by=find_actor())
    return f"{arguments.name} is now {arguments.role}"


def _read_password(arguments: argparse.Namespace) -> str:
    if arguments.password_file is not None:
        try:
            lines = read_user_text(arguments.password_file, LARGEST_CONFIG).splitlines()
        except (OSError, ValueError) as error:
            raise StoreError(
                "{path}: the password cannot be read ({reason}); a text file is expected",
                path=arguments.password_file,
                reason=error,
            ) from error
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        raise StoreError("there is no terminal to ask for the password at; give --password-file FILE")
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Once more: ")
    except EOFError as error:
        raise StoreError("no password was typed; nothing changed") from error
    if password != again:
        raise StoreError("the two passwords are not the same; nothing changed")
    return password

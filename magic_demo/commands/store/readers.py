"""``python -m magic_demo readers``: who may sign in and review."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from pathlib import Path

from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument, add_store_to_actions
from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import StoreError
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
    token = actions.add_parser(
        "token",
        help="make a token by which a program uses the API (serve --api) as this reader; shown once",
        epilog="A reader who is new is added without a password: nobody signs in under that name.",
    )
    token.add_argument("name", metavar="NAME", help="the reader that the program speaks for")
    token.add_argument(
        "--role",
        choices=READER_ROLES,
        help="of a reader who is new: what the program may see and do (default: reader)",
    )
    token.add_argument(
        "--program", default="a program", metavar="TEXT", help="what the token is for, in a few words"
    )
    actions.add_parser("tokens", help="list the tokens").add_argument(
        "--revoked", action="store_true", help="those that open nothing any more, too"
    )
    revoke = actions.add_parser("revoke", help="let a token open nothing any more")
    revoke.add_argument("number", metavar="NUMBER", type=int, help="as readers tokens lists it")
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
            "token": _token,
            "tokens": _tokens,
            "revoke": _revoke,
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


def _token(store: Store, arguments: argparse.Namespace) -> str:
    found = next((reader for reader in store.find_readers(arguments.name) if not reader.removed), None)
    if found is None:
        found = store.add_reader(arguments.name, role=arguments.role or "reader", by=find_actor())
    elif (arguments.role or found.role) != found.role:
        raise StoreError(
            "{name!r} is there with the role {role}; give the program a reader of its own, or readers role {name}",
            name=found.name,
            role=found.role,
        )
    words, token = store.make_token(found.name, arguments.program, by=find_actor())
    about = f"token {token.number}: {token.program} may do what {found.name} ({found.role}) may"
    print(f"{about}. It is shown this once; readers revoke {token.number} ends it", file=sys.stderr)
    return words


def _tokens(store: Store, arguments: argparse.Namespace) -> str:
    return (
        "\n".join(
            f"{token.number:>4}  {token.reader.name}  {token.reader.role}  {token.made_at:%Y-%m-%d}  "
            f"{'revoked' if token.revoked else 'valid'}  {token.program}"
            for token in store.tokens(revoked=arguments.revoked)
        )
        or "no token"
    )


def _revoke(store: Store, arguments: argparse.Namespace) -> str:
    token = store.revoke_token(arguments.number, by=find_actor())
    return f"token {token.number} ({token.program}, as {token.reader.name}) opens nothing any more"


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

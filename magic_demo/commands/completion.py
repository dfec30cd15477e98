"""``python -m magic_demo completion``: what a shell needs to complete commands, actions, options and their values."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping

SHELLS = ("bash", "zsh")
_NAME = "magic-demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo completion``."""
    parser.epilog = (
        f'Add to ~/.bashrc: eval "$({_NAME} completion bash)"; zsh: the same with zsh in ~/.zshrc.'
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(arguments: argparse.Namespace) -> int:
    """Print the script; returns 0."""
    commands: Mapping[str, str] = arguments.commands
    words = {}
    for name, module in commands.items():
        parser = argparse.ArgumentParser()
        importlib.import_module(module).add_arguments(parser)
        words[name] = list_words(parser)
    print(write_completion(arguments.shell, words))
    return 0


def list_words(parser: argparse.ArgumentParser) -> list[str]:
    """Return the words that may stand in a command: its options, actions and choices, and those of its actions."""
    words: dict[str, None] = {}
    for action in parser._actions:
        words |= dict.fromkeys(word for word in action.option_strings if word.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                words |= {name: None, **dict.fromkeys(list_words(inner))}
        elif action.choices is not None:
            words |= dict.fromkeys(str(choice) for choice in action.choices)
    return list(words)


def write_completion(shell: str, words: dict[str, list[str]]) -> str:
    """Return the script: after the command its own words, before it the commands, and files everywhere."""
    cases = "\n".join(f"    {name}) words='{' '.join(own)}' ;;" for name, own in words.items())
    script = f"""_magic_demo() {{
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then words='{" ".join(words)} --help --version'
  else case "${{COMP_WORDS[1]}}" in
{cases}
    *) words='' ;;
  esac; fi
  COMPREPLY=( $(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}") )
}}
complete -o default -o bashdefault -F _magic_demo {_NAME}"""
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script

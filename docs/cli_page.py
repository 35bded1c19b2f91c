"""The page of every command's help; ``python docs/cli_page.py`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from luajobs_kit.cli.root import root

PAGE: Final = Path(__file__).parent / "cli.md"
WIDTH: Final = 90  # characters

_BEGINNING = """# The command line

<!-- Written by `make docs` from the commands themselves. -->

The first command that needs the engine starts it. Most take `--json` for programs.

## Which workspace

Every command finds the workspace as Python, the panel and the monitor do: the folder that
`--workspace` names, else `LUAJOBS_HOME`, else the nearest one walking up from the working
directory that is or holds a workspace, else the working directory.

| that folder | the workspace |
|---|---|
| is called `.luajobs` | the folder itself |
| holds the files of a workspace itself | the folder itself |
| any other | the `.luajobs` in it, made where there is none |
| holds the files of a workspace, and so does the `.luajobs` in it | refused with both paths: move one away, or name the second one itself |

Links, `~`, relative paths and a slash at the end make no difference. `luajobs status` says which
folder it is.

A copy of a project is another project: commands in it use an engine of its own, also while the
engine of the other one runs. When you remove, move away or replace the folder while its engine
runs, that engine ends within a second or two, and the next command uses what stands there
([Files](files.md#the-lock)).

## Which jobs

`--where QUERY` stands for JOB where a command may be about several, and behind `/` in the monitor.
A command that changes something asks first and says how many jobs that are; `--yes` leaves the
question out.

```console
$ luajobs jobs list --where 'report status:failed,timeout'
$ luajobs jobs trigger --where 'status:failed user:alice'
```

| in a query | a job is meant when |
|---|---|
| `report` | its name contains the word; with `*` (`daily-*`), the whole name is like that |
| `name:"team meeting"` | likewise, for names with blanks or colons |
| `status:failed` | it stands so, or its last run ended so |
| `user:alice` | it is hers; `user:none` for the agent's own |
| `schedule:cron` | its schedule is one: `once`, `interval`, `cron` |
| `next:<1h`, `next:>1d12h` | its next fire is sooner, later |
| `last:>5m`, `last:<1h` | its last run began longer ago, not so long ago |
| `is:late` | its last run began late or its next fire is overdue; also `running`, `waiting`, `retrying` |

All terms must hold. `-` in front negates one (`-user:alice`), a comma means "or".

## Exit codes

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | refused or failed; the reason is on standard error |
| 2 | wrong usage |
| 3 | no engine could be reached |
| 130 | interrupted |

## On another machine

An engine answers on 127.0.0.1 only, unless it is served to others, and then over TLS:

```console
$ openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \\
    -subj /CN=luajobs -addext subjectAltName=IP:192.0.2.7 -keyout key.pem -out certificate.pem
$ luajobs serve --host 192.0.2.7 --port 8443 --tls-cert certificate.pem --tls-key key.pem
```

Who has the workspace's token may do what its owner may do with jobs. It is a new one whenever
the engine is started; `luajobs lua-env` prints it, as `LUA_API_KEY`. On the other machine, with
a copy of `certificate.pem` and in a folder without a workspace of its own:

```console
$ luajobs join https://192.0.2.7:8443 --tls-cert certificate.pem    # asks for the token
$ luajobs jobs list
```

From then on notebooks, the monitor and every command in that folder use that engine. They cannot
start or stop it; `luajobs import`, and an export that ends in `.zip`, are for its own machine.
Lua's `lua` command needs three variables, which `luajobs lua-env` prints there: `LUA_API_URL`,
`LUA_API_KEY` and `NODE_EXTRA_CA_CERTS` (the file of the certificate).

## Which users runs reach

A run asks for its own user with `job.user()`. Which others it reaches (`User.get`, `User.list`, and
what is read, kept, sent and cleared through them) the setting `users_reach` says:

| `luajobs settings …` | which users a run reaches |
|---|---|
| `users_reach=` (as at the start) | a job made in a tool call or under `acting_as`: its own user alone; a pre-defined job, and one that the workspace's own person made: any |
| `users_reach=own` | every job: its own user alone; a pre-defined job has none, and reaches nobody |
| `users_reach=any` | every job: any, which is Lua's way |

It holds from the next request of a run on, in a simulation too. Data and products are the
workspace's, and shared by all its jobs whatever it says.

## Completion

For bash: `eval "$(_LUAJOBS_COMPLETE=bash_source luajobs)"`; for zsh and fish put their
name in place of `bash`.
"""


def render() -> str:
    """Return the page."""
    return _BEGINNING + "".join(_section(context) for context in _contexts(root, None))


def _contexts(command: click.Command, parent: click.Context | None) -> Iterator[click.Context]:
    name = command.name if parent else "luajobs"
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    yield context
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            if found is not None:
                yield from _contexts(found, context)


def _section(context: click.Context) -> str:
    return f"\n## `{context.command_path}`\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    click.echo(f"wrote {PAGE}")

"""The command line of `onenet`."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from onenet.console import Reporter
from onenet.failures import Refusal

if TYPE_CHECKING:
    from onenet.imports import Outcome

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
importing = typer.Typer(no_args_is_help=True, help="Import data through the API.")
app.add_typer(importing, name="import")

State = Annotated[Path, typer.Option(envvar="ONENET_STATE", help="Folder of the state")]
BaseUrl = Annotated[
    str | None, typer.Option(envvar="ONENET_BASE_URL", help="The platform; else the one run here")
]
Username = Annotated[str | None, typer.Option(envvar="ONENET_USERNAME", help="Who imports")]
Password = Annotated[str | None, typer.Option(envvar="ONENET_PASSWORD", help="Her password")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Compare only, change nothing")]
HERE = Path(".onenet")


def main() -> None:
    app()


@contextmanager
def _command() -> Iterator[Reporter]:
    """Print a Refusal as one sentence instead of a traceback."""
    # Like Ctrl-C: started processes are stopped, temporary folders removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reporter = Reporter()
    try:
        yield reporter
    except Refusal as refusal:
        console = Console(stderr=True, highlight=False)
        console.print(f"[red]✗[/] {escape(str(refusal))}", soft_wrap=True)
        raise typer.Exit(1) from None


@app.command()
def run(
    port: Annotated[int, typer.Option(envvar="PORT", min=1, max=65535)] = 8080,
    state: State = HERE,
    database_url: Annotated[
        str | None,
        typer.Option(envvar="ONENET_DATABASE_URL", help="An existing PostgreSQL, as superuser"),
    ] = None,
    nats_url: Annotated[
        str | None, typer.Option(envvar="ONENET_NATS_URL", help="An existing NATS with JetStream")
    ] = None,
    split: Annotated[
        bool, typer.Option(help="Workers in processes of their own, as on Kubernetes")
    ] = False,
    files_url: Annotated[
        str | None, typer.Option(envvar="ONENET_FILES_URL", help="file:///folder or s3://bucket")
    ] = None,
    samples: Annotated[
        bool, typer.Option(envvar="ONENET_SAMPLE_DATA", help="Load sample data at first start")
    ] = True,
) -> None:
    """Start the whole platform here and stay until Ctrl-C."""
    from onenet.launcher import Options
    from onenet.launcher import run as launch

    with _command() as reporter:
        launch(Options(port, state, database_url, nats_url, files_url, samples, split), reporter)


@app.command()
def reset(
    state: State = HERE,
    database_url: Annotated[
        str | None, typer.Option(envvar="ONENET_DATABASE_URL", help="Drop the databases there, too")
    ] = None,
) -> None:
    """Delete all data of this folder's platform."""
    from onenet.databases import drop_databases
    from onenet.services import SERVICES
    from onenet.state import forget

    with _command() as reporter:
        gone = forget(state)
        if database_url:
            drop_databases(database_url, SERVICES)
            reporter.say("The platform's databases and roles on the given server are dropped.")
        reporter.say(f"Forgotten: {', '.join(map(str, gone))}" if gone else "There was nothing.")


@importing.command("items")
def import_items(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or JSONL")],
    dry_run: DryRun = False,
    base_url: BaseUrl = None,
    username: Username = None,
    password: Password = None,
    state: State = HERE,
) -> None:
    """Import a list of items (CSV, XLSX) or whole guides (JSONL)."""
    from onenet.imports import finish_items, start_items
    from onenet.targets import importer

    with _command() as reporter:
        network = importer(state, base_url, username, password)
        job = start_items(network, file.name, file.read_bytes(), dry_run=dry_run)
        with reporter.bar(file.name, job["total"]) as bar:
            outcome = finish_items(network, job, bar)
        _report_outcome(reporter, outcome, dry_run=dry_run)


@importing.command("regions")
def import_divisions(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Three CSV files")],
    dry_run: DryRun = False,
    base_url: BaseUrl = None,
    username: Username = None,
    password: Password = None,
    state: State = HERE,
) -> None:
    """Import divisions: provinces.csv, cities.csv and areas.csv of a folder."""
    from onenet.imports import import_regions
    from onenet.samples.files import division_rows
    from onenet.targets import importer

    with _command() as reporter:
        rows = _divisions(folder, division_rows)
        network = importer(state, base_url, username, password)
        with reporter.bar(folder.name, len(rows)) as bar:
            outcome = import_regions(network, rows, bar, dry_run=dry_run)
        _report_outcome(reporter, outcome, dry_run=dry_run)


def _divisions(
    folder: Path, read: Callable[[Path], Iterator[dict[str, str]]]
) -> list[dict[str, str]]:
    try:
        return list(read(folder))
    except FileNotFoundError as error:
        raise Refusal(
            f"{error.filename} is missing: the folder needs provinces.csv, cities.csv and"
            " areas.csv with the columns code and name."
        ) from None
    except (KeyError, UnicodeDecodeError) as error:
        raise Refusal(
            f"The files in {folder} cannot be read ({error}): they are UTF-8 CSV with a header"
            " and the columns code and name."
        ) from None


def _report_outcome(reporter: Reporter, outcome: "Outcome", *, dry_run: bool) -> None:
    rejected = len(outcome.rejected)
    would = "Would be " if dry_run else ""
    reporter.say(
        f"{would}{outcome.created} new, {outcome.changed} changed,"
        f" {outcome.unchanged} as they were, {rejected} rejected of {outcome.total} rows."
    )
    for rejection in outcome.rejected:
        reporter.say(f"  line {rejection.line}: {rejection.reason}")
    if rejected:
        raise typer.Exit(2)


@app.command()
def story(
    base_url: BaseUrl = None,
    samples: Annotated[
        Path | None, typer.Option(envvar="ONENET_SAMPLES", help="samples.json of that platform")
    ] = None,
    state: State = HERE,
) -> None:
    """Play the main job and check every promise; starts a platform of its own if none runs."""
    from onenet.story import run_story

    with _command() as reporter:
        run_story(reporter, state=state, base_url=base_url, samples=samples)


@app.command()
def chaos(
    submissions: Annotated[int, typer.Option(min=1, help="Applications in each run")] = 2000,
    runs: Annotated[int, typer.Option(min=1, help="Runs in a row, each with the next seed")] = 1,
    seconds: Annotated[int, typer.Option(min=30, help="A run ends after this")] = 600,
    seed: Annotated[int | None, typer.Option(help="Repeats a run; else by chance")] = None,
    split: Annotated[bool, typer.Option(help="Workers in processes of their own")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the results as JSON")] = None,
) -> None:
    """Kill every process in turn while people work; exit 1 when anything was lost or doubled."""
    from secrets import randbelow

    from onenet.chaos.run import Options, run_chaos

    with _command() as reporter:
        first = randbelow(10**6) if seed is None else seed
        run_chaos(reporter, Options(runs, submissions, seconds, first, split, report))


@app.command()
def rolling(
    rounds: Annotated[int, typer.Option(min=1, help="How often each process is replaced")] = 1,
) -> None:
    """Replace every process in turn while people work; exit 1 when one request failed."""
    from onenet.rolling import roll

    with _command() as reporter:
        roll(reporter, rounds=rounds)


@app.command()
def delay(
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Events to publish")] = 500,
    rate: Annotated[int, typer.Option(min=1, max=2000, help="Events a second")] = 200,
    state: State = HERE,
) -> None:
    """Measure from the commit of an event to the commit of its effect in another service."""
    from onenet.delay import measure

    with _command() as reporter:
        measure(reporter, state=state, count=count, rate=rate)


Databases = Annotated[
    list[str] | None,
    typer.Option(
        "--database", help="service=postgresql://…, once per service; else those run here"
    ),
]
NatsUrl = Annotated[
    str | None, typer.Option(envvar="ONENET_NATS_URL", help="Its NATS; else the one run here")
]


@app.command()
def doctor(
    base_url: BaseUrl = None,
    database: Databases = None,
    nats_url: NatsUrl = None,
    state: State = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="For machines")] = False,
) -> None:
    """Examine every part of the platform and say what to do; exit 1 when something is wrong."""
    from onenet.doctor.examining import examine
    from onenet.endpoints import endpoints_of

    with _command() as reporter:
        endpoints = endpoints_of(
            state, databases=database or (), nats_url=nats_url, base_url=base_url
        )
        examine(reporter, endpoints, as_json=as_json)


@app.command()
def verify(
    base_url: BaseUrl = None,
    database: Databases = None,
    nats_url: NatsUrl = None,
    state: State = HERE,
    files: Annotated[bool, typer.Option(help="Read every stored file too")] = True,
) -> None:
    """Compare the books: hash chain, sequences, references and copies; exit 1 when any disagree."""
    from onenet.audit.verifying import verify as verify_books
    from onenet.endpoints import endpoints_of

    with _command() as reporter:
        endpoints = endpoints_of(
            state, databases=database or (), nats_url=nats_url, base_url=base_url
        )
        verify_books(reporter, endpoints, files=files)


@app.command()
def backup(
    into: Annotated[Path, typer.Argument(help="A new folder for this backup")], state: State = HERE
) -> None:
    """Copy the running platform's databases, at one moment, and its files."""
    from onenet.backups import backup as back_up

    with _command() as reporter:
        back_up(reporter, state, into)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A backup")],
    state: State = HERE,
    secrets_file: Annotated[
        Path | None, typer.Option("--secrets", help="secrets.json of the platform it was made of")
    ] = None,
) -> None:
    """Put a backup into a state folder that has no data."""
    from onenet.backups import restore as put_back

    with _command() as reporter:
        put_back(reporter, state, folder, secrets_file)


@app.command()
def settings(
    into: Annotated[
        Path | None, typer.Option(help="Renew the table in this document instead")
    ] = None,
) -> None:
    """Print every setting of every service, as a Markdown table."""
    from onenet.describe import renewed, settings_table

    if into is None:
        typer.echo(settings_table())
    else:
        into.write_text(renewed(into.read_text(encoding="utf-8")), encoding="utf-8")


@app.command()
def secrets(
    issuer: Annotated[str, typer.Option(help="Public address")] = "http://127.0.0.1:8080",
) -> None:
    """Print fresh secrets as the .env of deploy/compose.yaml; keep it, it opens the data."""
    from onenet.secret_keys import compose_environment, new_secrets
    from onenet.services import SERVICES

    typer.echo(compose_environment(new_secrets(SERVICES), SERVICES, issuer))

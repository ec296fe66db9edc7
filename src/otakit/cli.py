"""The command line: one verb per task, no logic.

Knows verbs, options and exit statuses (0 done, 1 an update or a check failed, 2 asked for what cannot be
done, 130 interrupted); each body is a few calls of the package, imported when the verb runs, so that
`otakit --help` answers at once. An error of the user or of a peer is one line; OTAKIT_DEBUG=1 shows where
it came from. typer draws the help without rich, which would take three times as long to load.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from otakit import cli_diagrams
from otakit.cli_diagrams import RecordingFile, like
from otakit.errors import OtakitError
from otakit.settings import is_debugging

EXAMPLES = """\b
Watch a whole update, then look at what it left:
  otakit demo
  otakit show build/demo/run.pcapng
  otakit diagram build/demo/run.pcapng --out run.svg

\b
Update against a server of your own (the token is asked for, or in OTAKIT_TOKEN):
  otakit update mqtt://things.example:1883 --record run.pcapng

\b
Is something missing on this machine?
  otakit doctor
"""

INTERRUPTED = 130

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, epilog=EXAMPLES
)

DEMO_LINK = "40 ms, 2 Mbit/s, one answer withheld"


class Frame(StrEnum):
    """The frames of a recording."""

    updates = "updates"
    exchanges = "exchanges"
    chunks = "chunks"
    statuses = "statuses"
    packets = "packets"


class KeepBytes(StrEnum):
    """How much of each chunk a recording keeps."""

    all = "all"
    head = "head"
    none = "none"


class Mqtt(StrEnum):
    """Versions of MQTT."""

    v3 = "3.1.1"
    v5 = "5"


@app.callback(invoke_without_command=True)
def otakit(*, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """See and get right the over-the-air updates of ThingsBoard devices over MQTT."""
    if version:
        from otakit import __version__

        typer.echo(f"otakit {__version__}")
        raise typer.Exit


# -------------------------------------------------------------------------------------- updates


@app.command(epilog=like("otakit demo", "otakit demo --link none --image build/firmware.bin"))
def demo(
    image: Annotated[Path | None, typer.Option(help="Your own firmware image.")] = None,
    link: Annotated[str, typer.Option(help="The simulated link; none for bare loopback.")] = DEMO_LINK,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for recordings, frames, report.")] = Path("demo"),
) -> None:
    """Watch a whole update against the embedded twin."""
    from otakit.demo import run_demo

    raise typer.Exit(0 if run_demo(out, image=image, link=link) else 1)


@app.command(
    epilog=like("otakit update mqtt://things.example:1883", "otakit update localhost --record run.pcapng --window 1")
)
def update(
    server: Annotated[str, typer.Argument(help="host, host:port, mqtt://host:port or mqtts://host:port.")],
    record: Annotated[Path, typer.Option(help="Where the recording goes.")] = Path("update.pcapng"),
    folder: Annotated[Path, typer.Option(help="Where the device keeps its images.")] = Path("otakit-device"),
    runs: Annotated[str, typer.Option(help="Title and version that the device runs at first.")] = "firmware 0.0.0",
    mqtt: Annotated[Mqtt, typer.Option(help="Version of MQTT.")] = Mqtt.v3,
    chunk_bytes: Annotated[int, typer.Option(help="Chunk size to ask for.")] = 4096,
    window: Annotated[int, typer.Option(help="Chunks in flight at most.")] = 8,
    ca_file: Annotated[Path | None, typer.Option(help="Certificates to trust with mqtts, as PEM.")] = None,
) -> None:
    """Be a device: bring it to what its server assigns.

    Its access token is read from OTAKIT_TOKEN, or asked for.
    """
    from otakit.protocol.messages import Kind
    from otakit.protocol.packets import Version
    from otakit.run import peer_at
    from otakit.run import update as run_update

    # no option for the token: it would stand in the shell's history and in the list of processes
    token = os.environ.get("OTAKIT_TOKEN") or typer.prompt("Access token of the device", hide_input=True)
    title, _, version = runs.rpartition(" ")
    peer = peer_at(server, token, folder=folder, running={Kind.FIRMWARE: (title, version)}, ca_file=ca_file)
    chosen = Version.MQTT_5 if mqtt is Mqtt.v5 else Version.MQTT_3_1_1
    session = run_update(peer, record=record, chunk_bytes=chunk_bytes, window=window, version=chosen)
    typer.echo(f"{session.outcome}  recorded in {session.path}")
    raise typer.Exit(1 if "FAILED" in (session.outcome or {}).values() else 0)


@app.command(
    epilog=like(
        "otakit twin",
        "otakit twin --host 0.0.0.0 --tls --data build/twin",
        "otakit twin --lab docs/lab.toml --record recordings --show-tokens",
    )
)
def twin(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for devices on your network.")] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option(help="For devices; 0 takes a free one.")] = 1883,
    http_port: Annotated[int, typer.Option(help="For operators and the page; 0 takes a free one.")] = 8080,
    *,
    tls: Annotated[bool, typer.Option("--tls", help="MQTT over TLS too, with a certificate made for you.")] = False,
    mqtts_port: Annotated[int, typer.Option(help="For devices that speak TLS; 0 takes a free one.")] = 8883,
    lab: Annotated[Path | None, typer.Option(help="lab.toml: profiles, devices, packages, faults.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that keeps everything over restarts.")] = None,
    record: Annotated[Path | None, typer.Option(help="Folder for a recording of each device.")] = None,
    keep: Annotated[KeepBytes, typer.Option(help="Image bytes in these recordings.")] = KeepBytes.all,
    show_tokens: Annotated[bool, typer.Option("--show-tokens", help="Print the lab's access tokens.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON, for a program.")] = False,
) -> None:
    """Run the embedded server for your own devices.

    Ctrl-C ends it. Off loopback a password is made and printed; OTAKIT_TWIN_PASSWORD sets your own.
    """
    import asyncio

    from otakit.device_files import recorded
    from otakit.twin import serving
    from otakit.twin.lab_reading import LabError

    ports = (mqtt_port, http_port, mqtts_port)
    wanted = serving.Wanted(host, *ports, tls=tls, data=data, lab=lab, records=record, show_tokens=show_tokens)
    announce = serving.as_json if as_json else serving.in_words
    try:
        with recorded(record, keep.value) as watch:
            asyncio.run(serving.serve(wanted, announce, watch))
    except LabError as error:
        for problem in error.problems:
            _say(_printable(problem), 2)
        raise typer.Exit(2) from None


@app.command(epilog=like("otakit certificate pump-7", "otakit certificate pump-7 --data build/twin"))
def certificate(
    name: Annotated[str, typer.Argument(help="The device; it becomes the certificate's common name.")],
    data: Annotated[Path | None, typer.Option(help="The twin's folder; your own settings without.")] = None,
) -> None:
    """Make a device's certificate, signed by the twin's authority.

    Made once; asked again it is the same. In a lab file: certificate = true.
    """
    from otakit.twin.authority import Authority, own_folder

    authority = Authority(own_folder(data))
    files = authority.device_files(name)
    for what, path in (("certificate", files.certificate), ("key", files.key), ("trust", authority.ca_file)):
        typer.echo(f"{what:<12}{path}")


# ------------------------------------------------------------------------------------- recordings


@app.command(epilog=like("otakit show run.pcapng", "otakit show run.pcapng --what statuses"))
def show(file: RecordingFile, what: Annotated[Frame, typer.Option(help="Which frame.")] = Frame.exchanges) -> None:
    """Print what a recording holds: its outcome and one frame."""
    from shutil import get_terminal_size

    from otakit.printed import printed
    from otakit.session import load

    typer.echo(printed(load(file), what, get_terminal_size().columns))


@app.command(epilog=like("otakit plot run.pcapng --out pictures"))
def plot(
    file: RecordingFile, out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("plots")
) -> None:
    """Write a recording's pictures: latency, statuses, packets."""
    from otakit.session import load

    for picture in load(file).save_plots(out):
        typer.echo(picture)


@app.command(epilog=like("otakit export run.pcapng --out frames", "otakit export run.pcapng --csv"))
def export(
    file: RecordingFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("frames"),
    *,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, for a spreadsheet, in place of Parquet.")] = False,
) -> None:
    """Write a recording's frames as Parquet files."""
    from otakit.session import load

    for written in load(file).export(out, "csv" if csv else "parquet"):
        typer.echo(written)


# --------------------------------------------------------------------------------------- diagrams

for verb, examples in cli_diagrams.VERBS.items():
    app.command(epilog=examples)(verb)


# ---------------------------------------------------------------------------------------- machine


@app.command(epilog=like("otakit doctor"))
def doctor() -> None:
    """Check this machine; say what is missing and what to do."""
    from otakit.doctor import examine, written

    findings = examine()
    typer.echo(written(findings))
    raise typer.Exit(0 if all(finding.is_fine or not finding.is_needed for finding in findings) else 1)


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status and shows no traceback for what is not our own fault."""
    try:
        app(arguments, prog_name="otakit")
    except SystemExit as ended:  # typer's way out, also for a wrong option (2) and for Ctrl-C (130)
        status = ended.code if isinstance(ended.code, int) else 0
        return _say("interrupted", status) if status == INTERRUPTED else status
    except (OtakitError, OSError) as error:
        if is_debugging():
            raise
        return _say(_one_line(error), 2)
    return 0


def _say(text: str, status: int) -> int:
    typer.echo(f"otakit: {text}", err=True)
    return status


def _one_line(error: OtakitError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, OtakitError):
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return _printable(str(error))


def _printable(text: str) -> str:
    return "".join(mark if mark.isprintable() else "·" for mark in " ".join(text.split()))


if __name__ == "__main__":
    sys.exit(main())

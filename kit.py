"""All of otakit's set-up and chores, from nothing but Python 3.11 or newer and its standard library.

Knows how `.venv/` is made and grown in three checked steps (locked packages, diagram engine, otakit
itself) and which command each verb is; refuses to know what those commands do. The Makefile, `.ci/run`
and people call it: `python kit.py help` lists the verbs. A step whose inputs have not changed since it
was done is skipped, so a second run is instant and needs no network.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

OLDEST = (3, 11)

if sys.version_info < OLDEST:  # whoever comes with an older Python gets a newer one of this machine, or a sentence
    for found in filter(shutil.which, ("python3.13", "python3.12", "python3.11")):
        if subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            sys.exit(subprocess.call([found, *sys.argv]))
    sys.exit(
        f"kit: otakit needs Python 3.11 or newer and this is {sys.version.split()[0]}. Install one "
        "(apt-get install python3.11 python3.11-venv, brew install python@3.12, python.org), then: python3.11 kit.py"
    )

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "kit.json"
LOG = ROOT / "build" / "setup.log"
ENGINE = ROOT / "src" / "otakit" / "diagrams" / "engine" / "plantuml.js"
ENGINE_SCRIPT = ROOT / "src" / "otakit" / "diagrams" / "fetch_engine.py"
LOCKS = {"demo": ROOT / "requirements" / "demo.txt", "dev": ROOT / "requirements" / "dev.txt"}
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PIP_USER", "PIP_TARGET", "__PYVENV_LAUNCHER__")
KERNEL = ("-m", "ipykernel", "install", "--prefix", str(VENV), "--name", "python3", "--display-name", "otakit")


def stop(text: str, code: int = 1) -> NoReturn:
    """End with one line on the error stream."""
    sys.stdout.flush()
    print(f"kit: {text}", file=sys.stderr)
    raise SystemExit(code)


# ------------------------------------------------------------------------------------- processes


def python_of(venv: Path, platform: str = os.name) -> Path:
    """The interpreter of a virtual environment, where this platform puts it."""
    return venv / "Scripts" / "python.exe" if platform == "nt" else venv / "bin" / "python"


def surroundings() -> dict[str, str]:
    """The environment variables for what runs in `.venv`: nothing of another Python, UTF-8 everywhere."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    path = os.pathsep.join((str(python_of(VENV).parent), env.get("PATH", "")))
    return env | {"VIRTUAL_ENV": str(VENV), "PATH": path, "PYTHONUTF8": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(*arguments: str) -> int:
    """Run the environment's Python in the foreground; its exit status is ours."""
    with subprocess.Popen([str(python_of(VENV)), *arguments], cwd=ROOT, env=surroundings()) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the terminal told the child too: let it end in its own way
            return child.wait() or 130


class Ticker:
    """One line of progress: rewritten every second on a terminal, printed when it changes elsewhere."""

    def __init__(self, head: str) -> None:
        self.head, self.text, self.began = head, "", time.monotonic()
        self.live = sys.stdout.isatty()
        self._ended = threading.Event()
        if self.live:
            threading.Thread(target=self._tick, daemon=True).start()
        else:
            print(head, flush=True)

    def seconds(self) -> float:
        """How long this has been going on."""
        return time.monotonic() - self.began

    def _tick(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        while not self._ended.wait(0.5):
            line = f"{self.head} {self.text}  {self.seconds():.0f} s"
            print(f"\r{line[:width]:<{width}}", end="", flush=True)

    def end(self, word: str) -> None:
        """Leave the line with its last word."""
        self._ended.set()
        start, blank = ("\r", " " * 30) if self.live else ("", "")
        print(f"{start}{self.head} {word} ({self.seconds():.1f} s){blank}", flush=True)


def watch(command: list[str], ticker: Ticker, tell: Callable[[str], str | None] = lambda _line: None) -> str:
    """Run a command with its output in the log; returns the output, or stops with one line on failure."""
    LOG.parent.mkdir(exist_ok=True)
    lines: list[str] = []
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=surroundings(),
        text=True,
        errors="replace",
        stdin=none,
        stdout=pipe,
        stderr=subprocess.STDOUT,
    )
    with child, LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        for line in child.stdout or ():
            lines.append(line)
            log.write(line)
            ticker.text = tell(line) or ticker.text
    output = "".join(lines)
    if child.returncode:
        ticker.end("failed")
        stop(reason(output))
    return output


# ------------------------------------------------------------------------- what a failure means

REASONS = {
    "DO NOT MATCH THE HASHES": """a package is not the one that requirements/ names (its hash differs) and was not
        installed. Try 'pip cache purge'; if it stays, the index or a proxy serves a changed file""",
    "CERTIFICATE_VERIFY_FAILED": """the package index shows a certificate that this Python does not trust; behind a
        company proxy set PIP_CERT to its certificate file""",
    "No space left|ENOSPC": "the disk is full: all of development needs about 1.5 GB, the demo 0.7 GB",
    "NewConnection|ProxyError|Timeout|name resolution|getaddrinfo|unreachable|refused|EAI_AGAIN": """the package index
        cannot be reached, and pip's cache lacks something. Connect once and run this again; or, on a connected machine
        of the same kind, 'pip download -r requirements/demo.txt -d wheels', bring the folder here, and set
        PIP_NO_INDEX=1 and PIP_FIND_LINKS=wheels""",
    r"No matching distribution found for (\S+)": """there is no ready-made {0} for this machine and this Python; the kit
        was tried with Python 3.11, 3.12 and 3.13 on Linux""",
}
"""What the output of a failed step shows, and the one line that is said then."""


def reason(output: str) -> str:
    """One line that says what went wrong in a set-up step and what to do."""
    for pattern, text in REASONS.items():
        match = re.search(pattern, output)
        if match:
            return f"{' '.join(text.split()).format(*match.groups())}. (All output: {LOG.relative_to(ROOT)})"
    said = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in said if line.lower().startswith(("error", "kit:"))] or said[-1:] or ["no output"]
    return f"{errors[0]}  (all output: {LOG.relative_to(ROOT)})"


# -------------------------------------------------------------------------------- the three steps


def fingerprint(*files: Path) -> str:
    """A hash of what these files hold; a missing file counts as such."""
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes() if file.is_file() else b"missing").digest())
    return total.hexdigest()[:16]


def read_stamp() -> dict[str, str]:
    """What was done in `.venv` so far; empty when nothing is known."""
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_stamp(stamp: dict[str, str]) -> None:
    """Keep what was done; in one piece, so that a power cut leaves the old or the new."""
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    fresh.replace(STAMP)


def identity() -> dict[str, str]:
    """What ties an environment to its place: the Python that made it and the folder it lies in."""
    return {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", "folder": str(VENV)}


def why_remake(stamp: dict[str, str]) -> str | None:
    """Why the environment that is there cannot be used, or None when it can."""
    if not python_of(VENV).exists():
        return "it is not there or not whole"
    for key, wanted in identity().items():
        if stamp.get(key) != wanted:
            return f"it was made for {key} {stamp.get(key, 'unknown')}, this is {wanted}"
    if "installing" in stamp:
        return "its last set-up was interrupted"
    return None


def make_venv() -> None:
    """An empty environment; says what the machine lacks when Python cannot make one."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            version = identity()["python"]
            stop(
                f"this Python lacks its module {module}: sudo apt-get install python{version}-venv, then run this again"
            )
    if Path(sys.prefix).resolve() == VENV.resolve():
        stop("this is the Python of .venv itself, which has to be made anew: 'deactivate', then run this again")
    if VENV.exists():
        shutil.rmtree(VENV)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        stop(f"python -m venv failed: {' '.join((made.stdout + made.stderr).split())[-300:]}")


def install_packages(lock: Path, ticker: Ticker) -> None:
    """Step 1: the locked packages, each checked against its hashes; wheels only, so nothing is built."""
    total, seen = len(re.findall(r"(?m)^[\w.-]+==", lock.read_text(encoding="utf-8"))), 0

    def tell(line: str) -> str | None:
        nonlocal total, seen
        found = re.match(
            r"(Ignoring|Collecting|\s*Downloading|Installing collected)[: ]+([\w.-]+)(?:.* \((.+?B)\))?", line
        )
        word = found[1].strip() if found else ""
        total -= word == "Ignoring"
        seen += word == "Collecting"
        if found and word in ("Collecting", "Downloading"):
            return f"{seen} of {total}: {found[2].split('-')[0]} {found[3] or ''}"
        return f"unpacking {seen} packages" if word.startswith("Installing") else None

    # --no-compile halves the wait; Python keeps compiled code of what is used, when it is used first
    options = ("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile", "--retries", "2")
    command = [str(python_of(VENV)), "-m", "pip", "install", *options, "--progress-bar", "off", "-r", str(lock)]
    watch(command, ticker, tell)


def install_otakit(ticker: Ticker) -> None:
    """Step 3: otakit itself, from this folder, built with the locked hatchling."""
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")
    watch([str(python_of(VENV)), "-m", "pip", "install", *options], ticker)


class Step(NamedTuple):
    """One step of the set-up: its key in the stamp, its title, the digest of its inputs, what does it."""

    key: str
    title: str
    digest: str
    do: Callable[[Ticker], None]
    enough: tuple[str, ...] = ()

    def is_done(self, stamp: dict[str, str]) -> bool:
        """Whether the stamp says that this step, or one that includes it, was done with these inputs."""
        return stamp.get(self.key) in (self.digest, *self.enough)


def steps_for(kind: str) -> tuple[Step, ...]:
    """The three steps; `kind` is the lock that is needed. All of development includes the demo's packages."""
    lock, project = LOCKS[kind], (ROOT / "pyproject.toml", ROOT / "hatch_build.py")
    enough = (fingerprint(LOCKS["dev"]),) if kind == "demo" else ()
    engine = fingerprint(ENGINE_SCRIPT) if ENGINE.is_file() else "missing"
    return (
        Step("packages", "packages", fingerprint(lock), lambda ticker: install_packages(lock, ticker), enough),
        Step("engine", "diagram engine", engine, bring_engine),
        Step("otakit", "otakit itself", fingerprint(*project), install_otakit),
    )


def bring_engine(ticker: Ticker) -> None:
    """Step 2: PlantUML's engine, by the script that also the build uses."""
    if ENGINE_SCRIPT.is_file():
        watch([str(python_of(VENV)), str(ENGINE_SCRIPT)], ticker)


def set_up(kind: str) -> None:
    """Make or grow `.venv` until it serves this kind; instant when it does."""
    stamp = read_stamp()
    why, began = why_remake(stamp), time.monotonic()
    if why:
        print(f"Setting up .venv: {why}. Takes a minute or three, once.", flush=True)
        make_venv()
        stamp = identity()
        write_stamp(stamp)
    steps = steps_for(kind)
    todo = [step for step in steps if not step.is_done(stamp)]
    for step in todo:
        ticker = Ticker(f"step {steps.index(step) + 1} of {len(steps)}: {step.title}")
        write_stamp(stamp | {"installing": step.key})
        try:
            step.do(ticker)
        except SystemExit:  # the step ended by itself and left nothing half done
            write_stamp(stamp)
            raise
        stamp[step.key] = next(new.digest for new in steps_for(kind) if new.key == step.key)
        write_stamp(stamp)
        ticker.end("done")
    if todo:
        print(f"Set up in {time.monotonic() - began:.0f} s.", flush=True)


# ------------------------------------------------------------------------------------------ verbs


def demo(options: dict[str, str], rest: list[str]) -> int:
    """Run a whole update against the embedded twin and write build/demo/report.html."""
    set_up("demo")
    image = ["--image", str(Path(options["IMAGE"]).absolute())] if "IMAGE" in options else []
    link = ["--link", options["LINK"]] if "LINK" in options else []
    return run("-m", "otakit.cli", "demo", "--out", "build/demo", *image, *link, *rest)


def test(_options: dict[str, str], rest: list[str]) -> int:
    """Run the tests and the notebooks; what follows is handed to pytest."""
    set_up("dev")
    workers = str(min(8, (os.cpu_count() or 1) + 1))  # one more than cores: much of it waits for a browser or a link
    # a file stays on one worker, whatever it set up serves all of its tests; the longest files go first
    # test_notebooks.py goes through every notebook in a few kernels; a kernel for each would take four times as long
    order = ("tests/test_packaging.py", "tests/test_notebooks.py", "tests")
    chosen = rest or [path for path in order if (ROOT / path).exists()]
    return run("-m", "pytest", "-n", workers, "--dist", "loadfile", "--no-loadscope-reorder", *chosen)


def lab(options: dict[str, str], rest: list[str]) -> int:
    """Open your copy of the lessons, my-notebooks/, in JupyterLab."""
    set_up("dev")
    folder = Path(options.get("FOLDER", ROOT / "my-notebooks")).absolute()
    mine = copy_lessons(ROOT / "notebooks", folder, options.get("RESET"))
    furnish_lab()
    first = next(iter(sorted(mine.glob("*.ipynb"))), mine)
    wants_browser, is_root = options.get("BROWSER") != "none", hasattr(os, "geteuid") and os.geteuid() == 0
    root = ROOT if ROOT in mine.parents else mine  # the lessons link to pages of docs/
    page = f"/lab/tree/{first.relative_to(root).as_posix()}"
    running = running_lab(root)
    if running:
        address = running.replace("/lab?", f"{page}?")
        print(f"{mine.name}/ is open already, and a second lab would write over its files: {address}", flush=True)
        return int(wants_browser and not webbrowser.open(address))
    print(f"Opening {mine.name}/ in a browser, or at the address below. Ctrl-C ends it; save before.", flush=True)
    # answer_yes: one Ctrl-C ends, without a question; as root, in a container, JupyterLab starts only when told to
    quiet = ("--ServerApp.answer_yes=True", "--log-level=ERROR", *["--allow-root"] * is_root)
    begin = (str(root), f"--LabApp.default_url={page}")  # the page is also in the address that is printed
    ended = run("-m", "jupyterlab", *begin, *quiet, *["--no-browser"] * (not wants_browser), *rest)
    return 0 if ended in (0, 130) else ended  # Ctrl-C is how a lab ends


def furnish_lab() -> None:
    """Inside `.venv`: the kernel under our name, and no question whether to fetch news."""
    share = VENV / "share" / "jupyter"
    kernel, settings = share / "kernels" / "python3" / "kernel.json", share / "lab" / "settings" / "overrides.json"
    if '"otakit"' not in (kernel.read_text(encoding="utf-8") if kernel.is_file() else ""):
        run(*KERNEL)
    if not settings.is_file():
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text('{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}', encoding="utf-8")


def running_lab(root: Path) -> str | None:
    """The address of a lab that has this folder open and answers, or None."""
    ask = "import jupyter_core.paths as paths; print(paths.jupyter_runtime_dir())"
    told = subprocess.run(
        [str(python_of(VENV)), "-c", ask], env=surroundings(), stdout=subprocess.PIPE, text=True, check=False
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for note in Path(told.stdout.strip() or ROOT / "nowhere").glob("jpserver-*.json"):
        try:
            server = json.loads(note.read_text(encoding="utf-8"))
            if Path(server["root_dir"]).resolve() == root.resolve():
                direct.open(f"{server['url']}api", timeout=3).close()
                return f"{server['url']}lab?token={server['token']}"
        except (OSError, ValueError, KeyError):  # left behind by one that ended
            continue
    return None


def copy_lessons(lessons: Path, mine: Path, reset: str | None = None) -> Path:
    """A reader's own copy: what is missing is added, nothing is overwritten; `reset` puts one lesson back."""
    if reset is not None and not [*lessons.glob(f"{reset}-*.ipynb")]:
        known = ", ".join(sorted(path.name[:2] for path in lessons.glob("*.ipynb")))
        stop(f"RESET={reset}: there is no such lesson; there are {known}")
    for lesson in sorted(lessons.rglob("*")):
        within = lesson.relative_to(lessons)
        left_by_a_run = within.parts[0].startswith(".") or within.parts[0] == "recordings"
        if lesson.is_dir() or within.parts[0] == "solutions" or left_by_a_run:
            continue
        copy = mine / within
        if copy.exists() and reset is not None and lesson.match(f"{reset}-*.ipynb"):
            kept = copy.with_suffix(".bak")
            for number in range(2, 1000):
                if not kept.exists():
                    break
                kept = copy.with_suffix(f".bak{number}")
            copy.rename(kept)
            print(f"{copy.name} is as new; your old one is {kept.name}")
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(lesson, copy)
    return mine


def diagrams(options: dict[str, str], rest: list[str]) -> int:
    """Draw diagrams/*.puml as SVG; CHECK=1 only says which picture is stale."""
    set_up("demo")
    check = ["--check"] if options.get("CHECK") == "1" else []
    generate = ROOT / "docs" / "generate.py"
    made = run(str(generate), *check) if generate.is_file() else 0
    return run("-m", "otakit.cli", "diagrams", "diagrams", *check, *rest) or made


def docs(options: dict[str, str], rest: list[str]) -> int:
    """Build the book into build/docs/, English and Chinese; CHECK=1 executes no lesson."""
    set_up("dev")
    return run(str(ROOT / "docs" / "build_book.py"), *["--check"] * (options.get("CHECK") == "1"), *rest)


def check(_options: dict[str, str], _rest: list[str]) -> int:
    """Lint, format and types, over notebooks too; in seconds."""
    set_up("dev")
    lessons = lesson_code(ROOT / "notebooks" / "solutions", ROOT / "build" / "lessons")
    chores = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("mypy", *map(str, lessons)))
    failed = [" ".join(chore) for chore in chores if run("-m", *chore)]
    print(f"check: {'failed: ' + ', '.join(failed) if failed else 'all is well'}")
    return 1 if failed else 0


BEGINNER = "# mypy: no-strict-optional, allow-untyped-defs"
"""What a lesson looks at is there, or it says so; and its code is as short as a beginner writes it."""


def lesson_code(notebooks: Path, folder: Path) -> list[Path]:
    """Each notebook's code cells as one file, which a type checker can read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = []
    for path in sorted(notebooks.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        written.append(folder / f"lesson_{path.stem.replace('-', '_')}.py")
        written[-1].write_text("\n".join((BEGINNER, *code)) + "\n", encoding="utf-8")
    return written


def bench(_options: dict[str, str], rest: list[str]) -> int:
    """Measure speed and memory; each figure is a ratio within one run."""
    set_up("dev")
    return run(str(ROOT / "bench" / "run.py"), *rest)


def fuzz(_options: dict[str, str], rest: list[str]) -> int:
    """Throw a million hostile frames at the twin; --connections 1 --seed N plays one connection again."""
    set_up("dev")
    return run(str(ROOT / "fuzz" / "throw.py"), *rest)


def conformance(options: dict[str, str], rest: list[str]) -> int:
    """Put a running ThingsBoard beside the twin, scenario by scenario; without SERVER=... says how."""
    set_up("dev")
    given = [f"{name}={value}" for name, value in options.items()]
    return run("-m", "otakit.conformance", *(given or ["help"]), *rest)


def dist(_options: dict[str, str], _rest: list[str]) -> int:
    """Build the wheel, with engine and sample recording, into dist/."""
    set_up("demo")
    return run("-m", "hatchling", "build", "--target", "wheel", "--directory", "dist")


def lock(_options: dict[str, str], rest: list[str]) -> int:
    """Write requirements/ from pyproject.toml; with --upgrade, newer packages."""
    set_up("dev")
    resolve = ("-m", "uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--quiet")
    plain = ("--no-emit-index-url", "--no-annotate", "--no-header", "pyproject.toml", "--group", "build")
    everything = ("--extra", "tls", "--extra", "sphinx", "--group", "lab", "--group", "docs", "--group", "dev")
    failed = run(*resolve, *plain, *everything, "-o", str(LOCKS["dev"]), *rest)
    return failed or run(*resolve, *plain, "-c", str(LOCKS["dev"]), "-o", str(LOCKS["demo"]))


def clean(options: dict[str, str], _rest: list[str]) -> int:
    """Remove build/, dist/ and caches; ALL=1 also .venv and the engine."""
    caches = ("build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
    made = [ROOT / name for name in caches] + ([VENV, ENGINE.parent] if options.get("ALL") == "1" else [])
    for folder in filter(Path.is_dir, made):
        shutil.rmtree(folder)
        print(f"removed {folder.relative_to(ROOT)}")
    return 0


def show_help(_options: dict[str, str], _rest: list[str]) -> int:
    """Show this."""
    print("python kit.py VERB [NAME=value ...]      (make VERB [NAME=value ...] is the same)\n")
    for name, verb in VERBS.items():
        values = " ".join([f"[{option}]" for option in verb.options[:2]] + ["…"] * (len(verb.options) > 2))
        print(f"  {name + ' ' + values:<40}{(verb.do.__doc__ or '').splitlines()[0]}")
    return 0


class Verb(NamedTuple):
    """One verb: what does it, which NAME=value options it knows, whether it hands more arguments on."""

    do: Callable[[dict[str, str], list[str]], int]
    options: tuple[str, ...] = ()
    hands_on: bool = False


VERBS = {
    "demo": Verb(demo, ("IMAGE=path", "LINK=none"), hands_on=True),
    "test": Verb(test, hands_on=True),
    "lab": Verb(lab, ("RESET=04", "BROWSER=none", "FOLDER=path"), hands_on=True),
    "diagrams": Verb(diagrams, ("CHECK=1",), hands_on=True),
    "docs": Verb(docs, ("CHECK=1",), hands_on=True),
    "check": Verb(check),
    "bench": Verb(bench, hands_on=True),
    "fuzz": Verb(fuzz, hands_on=True),
    "conformance": Verb(
        conformance,
        ("SERVER=url", "MQTT=host", "ONLY=5,12", "VERSION=5", "KNOBS=…", "CLEAN=1", "OUT=path"),
        hands_on=True,
    ),
    "dist": Verb(dist),
    "lock": Verb(lock, hands_on=True),
    "clean": Verb(clean, ("ALL=1",)),
    "help": Verb(show_help),
}


def understand(arguments: list[str]) -> tuple[Verb, dict[str, str], list[str]]:
    """The verb, its options and what is handed on; stops with one line for what is not understood."""
    name, *given = arguments or ["help"]
    name = "help" if name in ("-h", "--help") else name
    if name not in VERBS:
        stop(f"there is no verb {name!r}; there are {', '.join(VERBS)}", 2)
    verb, options, rest = VERBS[name], {}, []
    known = [option.split("=")[0] for option in verb.options]
    for argument in given:
        option, equals, value = argument.partition("=")
        if equals and option in known:
            options[option] = value
        elif verb.hands_on and not (equals and option.isupper()):
            rest.append(argument)
        elif option != "PYTHON":  # the Makefile's own: which Python starts this script
            takes = " and ".join(known) or "nothing"
            stop(f"{name} does not understand {argument!r}; it takes {takes}", 2)
    return verb, options, rest


def main(arguments: list[str]) -> int:
    """Carry out one verb; Ctrl-C ends with 130 and says how to go on."""
    verb, options, rest = understand(arguments)
    try:
        return verb.do(options, rest)
    except KeyboardInterrupt:
        print("\nkit: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `make help | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

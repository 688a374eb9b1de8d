"""The command line: `cof` and `python -m pipeline`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from agents.files import FileError
from agents.photos import PhotoError
from agents.sender import EndpointError
from pipeline.config import ConfigError, RunConfig, load
from pipeline.export import ExportError
from pipeline.place import StoreError, place_of
from pipeline.training.errors import TrainingError


class _Plain(TyperGroup):
    """Exit 0 when all is done, 1 when records met a bug, 2 for the operator's errors, 130 when stopped.

    An error of the operator's is one sentence. It is said in here because typer itself ends at a Ctrl-C without a word.
    """

    @override
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, EndpointError, FileError, PhotoError, StoreError, ExportError, TrainingError) as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("Stopped. Run the same command again to go on where it was.", err=True)
            raise typer.Exit(130) from None


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("chain-of-focus"))
        raise typer.Exit


app = typer.Typer(
    cls=_Plain,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Chain-of-Focus: from photos to verified traces of looking closer, and to datasets that train it.",
)

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
DEFAULT, TRAIN, EVALUATE = CONFIGS / "demo.yaml", CONFIGS / "tiny.yaml", CONFIGS / "evaluate-tiny.yaml"
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="YAML with the run's numbers and paths.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Override any key, as `sample.count=10`.")
]
RunFolder = Annotated[Path, typer.Argument(parser=place_of, metavar="RUN", help="A run's folder, as outputs/demo.")]
RunOption = Annotated[Path, typer.Option(parser=place_of, metavar="RUN", help="The run's folder.")]
Dashboard = Annotated[
    str, typer.Option("--address", envvar="RAY_ADDRESS", help="The cluster's dashboard, as http://head:8265.")
]
JobOption = Annotated[str | None, typer.Option(help="Id of a job, as `status` lists it.")]


@app.callback()
def _cof(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None: ...


def _config(path: Path, overrides: list[str] | None) -> RunConfig:
    return load(path, overrides or [])


@app.command()
def synthesize(
    overrides: Overrides = None,
    config: ConfigOption = DEFAULT,
    pilot: Annotated[
        int | None, typer.Option(min=1, help="Only so many photos, and what all of them will cost. They count.")
    ] = None,
) -> None:
    """Photos in, verified MM-CoF shards out. Repeat the command to go on after any interruption."""
    from pipeline.runner import pilot as run_pilot
    from pipeline.runner import synthesize as run
    from pipeline.summary import as_text

    if pilot is not None:
        typer.echo(run_pilot(_config(config, overrides), pilot).text)
        return
    summary = run(_config(config, overrides))
    typer.echo(as_text(summary))
    if summary.failed:
        raise typer.Exit(1)


@app.command()
def submit(
    overrides: Overrides = None,
    config: ConfigOption = DEFAULT,
    address: Dashboard = "",
    pilot: Annotated[int | None, typer.Option(min=1, help="As of `synthesize`.")] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Have Ray install what the run depends on; else the nodes have it.")
    ] = False,
) -> None:
    """Hand a run to a Ray cluster, follow its log, and exit as it does. A Ctrl-C leaves it running."""
    from pipeline import jobs
    from pipeline.parcel import parcel

    raise typer.Exit(jobs.submit(address, parcel(config, overrides or [], pilot, install), _tell))


@app.command()
def status(address: Dashboard = "", job: JobOption = None) -> None:
    """List the runs that were submitted to a cluster, or follow one of them again."""
    from pipeline import jobs

    if job:
        raise typer.Exit(jobs.follow(address, job, _tell))
    typer.echo(jobs.status(address))


@app.command()
def stop(address: Dashboard = "", job: JobOption = None) -> None:
    """Stop the newest run that was submitted to a cluster, or the one named, and wait until it has ended."""
    from pipeline import jobs

    jobs.stop(address, job, _tell)


def _tell(text: str) -> None:
    typer.echo(text, nl=False)


@app.command()
def show(
    trace: Annotated[str, typer.Argument(help="Id of a trace or task, as `summary` and the dataset have it.")],
    run: RunOption = Path("outputs/demo"),
) -> None:
    """Print one trajectory and its trace; the crops are written beside, into <run>/shown/."""
    from pipeline.show import show as show_one

    show_one(run, trace)


@app.command()
def report(run: RunFolder = Path("outputs/demo")) -> None:
    """Write <run>/report.html, which opens from disk: the numbers, and every trace and reject to look at."""
    from pipeline.report import report as write_report

    typer.echo(f"report: {write_report(run)}")


@app.command()
def audit(run: RunFolder = Path("outputs/demo")) -> None:
    """Compare a run on the drawn sample set with what was really drawn."""
    from pipeline.audit import audit_run
    from pipeline.inspection import run_config
    from pipeline.store import Store
    from pipeline.summary import audit_text

    result = audit_run(Store(run), run_config(run))
    if result is None:
        typer.echo("There is no truth to compare with: this run is not on the drawn sample set.")
        raise typer.Exit(2)
    typer.echo(audit_text(result))
    for identity in result.wrong:
        typer.echo(f"  wrong: {identity}")


@app.command()
def verify(run: RunFolder = Path("outputs/demo")) -> None:
    """Make every crop of a finished run again and compare pixels, boxes, evidence and need to zoom."""
    from pipeline.verify import verify_run

    report = verify_run(run)
    typer.echo(report.text)
    if report.faults:
        raise typer.Exit(1)


@app.command("retry-rejects")
def retry_rejects(
    reasons: Annotated[list[str], typer.Argument(help="Reasons as the summary names them, or `all`.")],
    run: RunOption = Path("outputs/demo"),
) -> None:
    """Forget the rejects with these reasons; the next `synthesize` asks for them anew."""
    from pipeline.inspection import forget_rejects

    typer.echo(f"{forget_rejects(run, reasons)} records will be tried again by the next synthesize.")


@app.command()
def replay(
    run: RunFolder,
    out: Annotated[Path, typer.Argument(parser=place_of, metavar="OUT", help="Folder of the new run.")],
) -> None:
    """Make a run again from its call log alone, with no endpoint: the shards come out byte for byte."""
    from pipeline.inspection import run_config
    from pipeline.runner import synthesize as run_pipeline
    from pipeline.summary import as_text

    config = run_config(run)
    runtime = config.runtime.model_copy(update={"replay": str(run)})
    typer.echo(as_text(run_pipeline(config.model_copy(update={"out": str(out), "runtime": runtime}))))


@app.command()
def train(overrides: Overrides = None, config: ConfigOption = TRAIN) -> None:
    """Fine-tune a policy on a dataset, then RL, and evaluate it. Repeat the command to go on after an interruption."""
    from pipeline.config import load_as
    from pipeline.training.config import TrainConfig
    from pipeline.training.run import train as run

    run(load_as(TrainConfig, config, overrides or []), typer.echo)


@app.command("train-multinode")
def train_multinode(
    overrides: Overrides = None,
    config: ConfigOption = CONFIGS / "qwen2.5-vl-7b-verl.yaml",
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    gpus: Annotated[int, typer.Option(min=1, help="GPUs of each.")] = 8,
    dry_run: Annotated[bool, typer.Option(help="Write rows and configuration, and only print the command.")] = False,
) -> None:
    """RL on many GPUs with verl, from the same shards, with the same zoom and the same rewards."""
    from pipeline.config import load_as
    from pipeline.training.config import TrainConfig
    from pipeline.training.verl.launch import launch

    typer.echo(" ".join(launch(load_as(TrainConfig, config, overrides or []), nodes, gpus, dry_run)))


@app.command()
def evaluate(
    overrides: Overrides = None,
    config: ConfigOption = EVALUATE,
) -> None:
    """Accuracy and cost by resolution and strategy. Repeat the command to go on after an interruption."""
    from pipeline.config import load_as
    from pipeline.evaluation.config import EvaluationConfig
    from pipeline.evaluation.run import evaluate as run

    run(load_as(EvaluationConfig, config, overrides or []), typer.echo)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="FOLDER:MODEL:STRATEGY", help="As outputs/demo/evaluate:sft:cof.")],
    second: Annotated[str, typer.Argument(metavar="FOLDER:MODEL:STRATEGY", help="What it is compared with.")],
) -> None:
    """How much better one is than another on the same questions, with its interval and McNemar's test."""
    from pipeline.evaluation.paired import Side, as_table
    from pipeline.evaluation.paired import compare as run

    typer.echo(as_table(run(Side.of(first), Side.of(second))))


@app.command()
def ask(
    image: Annotated[str, typer.Argument(help="A photo: path or address.")],
    question: Annotated[str, typer.Argument(help="What to ask about it.")],
    model: Annotated[str, typer.Option(help="Folder or Hub id of a trained model, or its name at --url.")] = (
        "outputs/demo/train/sft/model"
    ),
    url: Annotated[
        str | None, typer.Option(help="OpenAI-compatible endpoint that serves the model, in the tool-call dialect.")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(min=28, help="Show the photo first at an area of R*R pixels; else as it is.")
    ] = None,
    max_zooms: Annotated[int | None, typer.Option(min=0, help="Closer looks at most; else the model's own.")] = None,
    picture: Annotated[Path, typer.Option(help="Where the boxes and crops are drawn.")] = Path("looked.jpg"),
) -> None:
    """Ask a trained model about a photo: its trace as it unfolds, and a picture of all it looked at."""
    from pipeline.training.ask import answerer
    from pipeline.training.ask import ask as run
    from pipeline.training.inference import Question

    run(answerer(model, url), Question(image, question, (), resolution), picture, max_zooms, typer.echo)


@app.command()
def serve(
    model: Annotated[str, typer.Option(help="Folder or Hub id of a trained model.")] = "outputs/demo/train/sft/model",
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 8000,
) -> None:
    """Serve a trained model to any OpenAI-compatible chat client: it looks closer by itself."""
    from pipeline.serving import serve as run
    from pipeline.training.ask import answerer
    from pipeline.training.chat import application

    run(application(answerer(model, None), Path(model).name), port, typer.echo)


@app.command()
def merge(
    adapter: Annotated[Path, typer.Argument(help="Folder of a trained adapter, as outputs/demo/train/rl/model.")],
    target: Annotated[Path, typer.Argument(help="Folder of the merged model.")],
) -> None:
    """Fold an adapter into its base model: an ordinary Qwen2.5-VL for transformers, vLLM and SGLang."""
    from pipeline.training.policy import merge as fold

    fold(adapter, target)
    typer.echo(f"merged model: {target}")


@app.command()
def push(
    run: RunFolder,
    repo: Annotated[
        str, typer.Argument(metavar="REPO", help="On the Hugging Face Hub, as my-organization/my-dataset.")
    ],
    public: Annotated[bool, typer.Option("--public", help="For everybody to read; else it is private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done to each file.")] = False,
) -> None:
    """Send a run's dataset, or a trained model's folder, to the Hugging Face Hub. Repeat it: only changes go."""
    from pipeline.publish.push import push as run_push

    run_push(run, repo, public, dry_run, typer.echo)


@app.command()
def teacher(
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 8000,
    threads: Annotated[int, typer.Option(help="Requests looked at in parallel.")] = 2,
    latency: Annotated[float, typer.Option(help="Seconds added to every answer.")] = 0.0,
    error_rate: Annotated[float, typer.Option(help="Share answered with HTTP 500.")] = 0.0,
    malformed_rate: Annotated[float, typer.Option(help="Share answered with broken JSON.")] = 0.0,
    rate_limit: Annotated[int, typer.Option(help="Requests at once above which the answer is HTTP 429.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 0,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run the local teacher: an OpenAI-compatible server that reads writing, colours and places."""
    from pipeline.teacher.serve import serve
    from pipeline.teacher.server import TeacherConfig

    config = TeacherConfig(
        threads=threads,
        latency=latency,
        error_rate=error_rate,
        malformed_rate=malformed_rate,
        rate_limit=rate_limit,
        seed=seed,
    )
    serve(config, port, with_parent)

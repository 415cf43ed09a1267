"""`baseload bench`: throughput and latency of an OpenAI-compatible endpoint, or of a GGUF file, by load."""

import json

import typer

from planner.cli.bench_given import LoadGiven, ResultGiven, TargetGiven
from planner.cli.option_groups import with_options
from planner.cli.options import is_quiet, say, screen
from planner.cli.paths import check_paths


@with_options(TargetGiven, LoadGiven, ResultGiven)
def bench(context: typer.Context, target: TargetGiven, load: LoadGiven, result: ResultGiven) -> None:
    """Measure throughput and latency by load: users at once, or requests that come at a rate.

    A token for the endpoint is read from BASELOAD_BENCH_TOKEN. Prompts are random words, so that a prefix cache does
    not flatter; tokens are counted by the server.

    Example: baseload bench --url http://127.0.0.1:8000/v1 --lengths 256:128 --batch-sizes 1,4,8 -o bench.json
    """
    from datetime import UTC, datetime

    from planner import files
    from planner.bench.host import this_host
    from planner.bench.run import Wanted, measure
    from planner.cli.progress import progress
    from planner.report.bench import bench_document, duration_words, render_bench

    check_paths(read=(("--model", target.model),), write=(("-o", result.output), ("--chart", result.chart)))
    wanted = Wanted(
        workloads=load.workloads(),
        loads=load.loads(),
        repeats=load.repeats,
        warm_up_s=load.warm_up,
        window_s=load.duration,
        seed=load.seed,
        shared_prefix_tokens=load.shared_prefix,
        machine=target.machine,
    )
    host = this_host()
    with target.served(load) as url, progress(is_quiet(context)) as report:
        say(context, [f"takes about {duration_words(wanted.seconds)}, answers that outlast their window apart"])
        found = measure(target.endpoint(url), wanted, host=host, now=datetime.now(UTC), report=report)
    document = json.dumps(bench_document(found), indent=2, ensure_ascii=False)
    if result.output is not None:
        files.write_atomic(result.output, document + "\n")
    if result.chart is not None:
        from planner.report.bench_chart import write_bench_chart

        write_bench_chart(found, result.chart)
    if result.as_json:
        typer.echo(document)
    else:
        typer.echo(render_bench(found, screen=screen()), nl=False)
    say(context, found.remarks())
    say(context, [f"wrote {path}" for path in (result.output, result.chart) if path is not None])

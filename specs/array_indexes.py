"""Some children of an array, run again as an array of their own in which each still sees its old index.

Batch numbers the children of every array from 0 and lets nobody set a variable of its prefix. A process may set its own
environment, though: each container's command is put behind a script of /bin/sh that looks the old index up in a list
and then becomes the command. A rerun of a rerun puts a second script before the first, and the lookups follow each
other.
"""

from collections.abc import Sequence

from specs.fault import Findings
from specs.rerun_request import RerunRequest
from specs.source import KUBERNETES_API, member

INDEX, SIZE = "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"
# Of the 30 KiB of a submission; all else of a request has to fit beside it.
MOST_CHARACTERS = 8000
_EXPANSION = f"{KUBERNETES_API} Container.args"

# $1 is the list, such as "3 17-19", $2 the size of the old array, the rest the command. A single job has no index.
SCRIPT = f"""\
left=${{{INDEX}:-0}}
for range in $1; do
  first=${{range%-*}}; count=$((${{range#*-}} - first + 1))
  if [ "$left" -lt "$count" ]; then
    export {INDEX}=$((first + left)) {SIZE}=$2
    shift 2; exec "$@"
  fi
  left=$((left - count))
done
echo "this array has more children than indexes" >&2; exit 1"""


def index_ranges(indexes: Sequence[int]) -> list[str]:
    """Ascending indexes as `3` and `17-19`."""
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]


def split_indexes(indexes: Sequence[int]) -> list[tuple[int, ...]]:
    """Ascending indexes in groups, each of which fits into one submission."""
    groups: list[list[int]] = [[]]
    characters = 0
    for index in indexes:
        follows = bool(groups[-1]) and groups[-1][-1] == index - 1
        # At most what a range of its own takes, and as much for the end of a range.
        needed = 0 if follows else 2 * (len(str(index)) + 1)
        if characters + needed > MOST_CHARACTERS:
            groups.append([])
            characters, needed = 0, 2 * (len(str(index)) + 1)
        groups[-1].append(index)
        characters += needed
    return [tuple(group) for group in groups]


def run_children(request: RerunRequest, indexes: Sequence[int], size: int) -> None:
    """Make the request one for some children of the array.

    Args:
        request: The request of the whole array; `faults_of_children` found nothing.
        indexes: The children by their places, ascending.
        size: Of the old array.
    """
    for kind, container in list(request.all_containers()):
        command = [*request.effective(kind, container, "command"), *(request.effective(kind, container, "args") or ())]
        args = ["-c", SCRIPT, "array-index", " ".join(index_ranges(indexes)), str(size), *command]
        request.run(kind, container, ["/bin/sh"], args)
    request.make_array(len(indexes) if len(indexes) > 1 else None)


def check_children(request: RerunRequest, path: str, found: Findings) -> None:
    """Check that the command of each container can be put behind the script.

    Args:
        request: The request of the whole array.
        path: Which job it is.
        found: Takes what is found.
    """
    fix = "Set whole_arrays to run the succeeded children again too, or give a command in the changes."
    for kind, container in request.all_containers():
        where = f"{path}.{kind}.{container['name']}"
        if not request.effective(kind, container, "command"):
            rule = "It runs the entry point of its image, before which nothing can be put to give children old indexes."
            found.fault(f"{where}.command", None, rule, fix, member("EksContainer", "command"))
        variables = [variable.get("value", "") for variable in request.effective(kind, container, "env")]
        words = [word for field in ("command", "args") for word in request.effective(kind, container, field) or ()]
        for word in [*words, *variables]:
            if f"$({INDEX})" in word or f"$({SIZE})" in word:
                rule = "Kubernetes puts the new index in for this before the container starts."
                found.fault(where, word, rule, "Set whole_arrays, or let a shell read the variable.", _EXPANSION)

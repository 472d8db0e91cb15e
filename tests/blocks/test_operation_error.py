import pickle

from blocks.operation_error import OperationError


def test_it_reads_as_resource_answer_cause_and_next_step() -> None:
    error = OperationError("job j", "refused", "too big", "make it smaller")
    assert str(error) == "job j: refused\n  Cause: too big\n  Next step: make it smaller"


def test_it_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(OperationError("job j", "refused", "too big", "make it smaller", True)))
    assert (error.resource, error.answer, error.can_heal) == ("job j", "refused", True)

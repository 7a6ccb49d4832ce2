"""An evaluator that does nothing, by hierevo.serve."""
import hierevo

hierevo.serve(lambda candidate, report: candidate.seed / 2**64)

"""An evaluator that does nothing, by the evaluator protocol (docs/evaluators.md) alone."""
import json
import sys

print('{"type": "hello", "protocol": 1, "fields": []}', flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "candidate":
        fitness = message["seed"] / 2**64
        print(f'{{"type": "result", "id": {message["id"]}, "fitness": {fitness}}}', flush=True)

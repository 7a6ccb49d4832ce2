"""usage: onnx_check.py FOLDER: checks each NUMBER.onnx there with onnx, and with onnxruntime that it computes
NUMBER.logits from NUMBER.pixels, of the shape NUMBER.shape, also for one image alone. Prints how many agree."""
import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

folder = pathlib.Path(sys.argv[1])
agree = 0
for path in sorted(folder.glob("*.onnx")):
    onnx.checker.check_model(str(path), full_check=True)
    shape = json.loads(path.with_suffix(".shape").read_text())
    pixels = numpy.fromfile(path.with_suffix(".pixels"), numpy.float32).reshape(shape)
    expected = numpy.fromfile(path.with_suffix(".logits"), numpy.float32).reshape(shape[0], -1)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scale = max(1.0, float(abs(expected).max()))
    for part in (slice(None), slice(2, 3)):
        logits = session.run(["logits"], {"pixels": pixels[part]})[0]
        error = float(abs(logits - expected[part]).max())
        if error > 1e-4 * scale:
            sys.exit(f"{path.name}: the logits differ by {error}")
    agree += 1
print(agree, "models agree")

"""Random parts of JPEG pictures, scaled to 299×299: hierevo's loader beside Python's.

What the numbers mean: pictures per second of processor time, which is what one core does when it does
nothing else; files are in memory. Each round takes the same parts of all pictures through every peer,
one after the other, so that other load on the machine affects all of them; `ratio` is the median over
rounds of hierevo's rate divided by the peer's. `decode` is the limit: libjpeg-turbo decodes all pixels
of the same files and nothing else.

Peers that are not installed are left out: pillow, torchvision (Pillow decodes and scales, and a tensor is
made), torchvision-jpeg (torchvision.io.decode_jpeg), dali (its CPU operators), all antialiased; opencv (not
antialiased, which is less work). The pixels of the first pictures are compared with Pillow's if it is
installed.

  loading.py --loader build/release/bin/benchmark_loader --pictures ILSVRC/train [--rounds 5] [--json]
"""
import argparse
import io
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def pillow_peer(size):
    from PIL import Image

    def load(data, top, left, height, width, flip):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image = image.crop((left, top, left + width, top + height))
        image = image.resize((size, size), Image.Resampling.BILINEAR)
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image
    return load


def torchvision_peer(size):
    import torch
    from PIL import Image
    from torchvision.transforms import functional
    torch.set_num_threads(1)

    def load(data, top, left, height, width, flip):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image = functional.resized_crop(image, top, left, height, width, [size, size])
        return functional.pil_to_tensor(functional.hflip(image) if flip else image)
    return load


def torchvision_jpeg_peer(size):
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms import functional
    torch.set_num_threads(1)

    def load(data, top, left, height, width, flip):
        image = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8),
                            mode=ImageReadMode.RGB)
        image = functional.resized_crop(image, top, left, height, width, [size, size],
                                        antialias=True)
        return functional.hflip(image) if flip else image
    return load


def opencv_peer(size):
    import cv2
    import numpy
    cv2.setNumThreads(1)

    def load(data, top, left, height, width, flip):
        image = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)
        image = cv2.resize(image[top:top + height, left:left + width], (size, size))
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return cv2.flip(image, 1) if flip else image
    return load


def dali_peer(size):
    """Its CPU path too decodes only the rows of the part. It works on batches."""
    import numpy
    from nvidia.dali import fn, pipeline_def, types

    def load_all(files, parts):
        @pipeline_def(batch_size=len(files), num_threads=1, device_id=None, prefetch_queue_depth=1)
        def pipeline():
            jpegs, anchors, shapes, flips = (fn.external_source(name=name) for name in (
                "jpegs", "anchors", "shapes", "flips"))
            images = fn.decoders.image_slice(jpegs, anchors, shapes, axes=(0, 1),
                                             normalized_anchor=False, normalized_shape=False,
                                             output_type=types.RGB)
            images = fn.resize(images, size=(size, size), antialias=True,
                               interp_type=types.INTERP_LINEAR)
            return fn.flip(images, horizontal=flips)

        made = pipeline()
        made.build()
        inputs = {"jpegs": [numpy.frombuffer(data, numpy.uint8) for data in files],
                  "anchors": [numpy.array(part[:2], numpy.int32) for part in parts],
                  "shapes": [numpy.array(part[2:4], numpy.int32) for part in parts],
                  "flips": [numpy.int32(part[4]) for part in parts]}
        start = time.process_time()
        for name, values in inputs.items():
            made.feed_input(name, values)
        made.run()
        return time.process_time() - start
    return load_all


def one_by_one(make):
    """Turns a peer that loads one picture at a time into one that loads all and returns the time it took."""
    def made(size):
        load = make(size)

        def load_all(files, parts):
            start = time.process_time()
            for data, part in zip(files, parts):
                load(data, *part)
            return time.process_time() - start
        return load_all
    return made


PEERS = {"pillow": one_by_one(pillow_peer), "torchvision": one_by_one(torchvision_peer),
         "torchvision-jpeg": one_by_one(torchvision_jpeg_peer), "opencv": one_by_one(opencv_peer),
         "dali": dali_peer}


def available_peers(size):
    peers = {}
    for name, make in PEERS.items():
        try:
            peers[name] = make(size)
        except (ImportError, OSError, RuntimeError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return peers


def largest_mean_difference(files, parts, pixels, size):
    """Difference of one picture's pixels from Pillow's; None without Pillow."""
    try:
        load = pillow_peer(size)
    except ImportError:
        return None
    largest = 0.0
    for i in range(len(pixels) // (size * size * 3)):
        own = pixels[i * size * size * 3:(i + 1) * size * size * 3]
        sums = sum(abs(a - b) for a, b in zip(own, load(files[i], *parts[i]).tobytes()))
        largest = max(largest, sums / len(own))
    return largest


def measure(options):
    paths = sorted(path for path in options.pictures.rglob("*") if path.is_file())
    files = [path.read_bytes() for path in paths]
    peers = available_peers(options.size)
    seconds = {name: [] for name in ("hierevo", "decode", *peers)}
    with tempfile.TemporaryDirectory() as folder:
        pixels = pathlib.Path(folder) / "pixels"
        loader = subprocess.Popen([options.loader, options.pictures, str(options.size), pixels],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        difference = None
        for number in range(options.rounds):
            print(number, file=loader.stdin, flush=True)
            said = json.loads(loader.stdout.readline())
            seconds["hierevo"].append(said["seconds"])
            seconds["decode"].append(said["decoding"])
            for name, load_all in peers.items():
                seconds[name].append(load_all(files, said["parts"]))
            if number == 0:
                difference = largest_mean_difference(files, said["parts"], pixels.read_bytes(),
                                                     options.size)
        loader.stdin.close()
        loader.wait()
    # CMYK is converted differently; photographs hardly differ.
    if difference is not None and difference > 2.0:
        sys.exit(f"pixels differ from Pillow's by {difference:.2f} on average")
    rates = {name: len(files) / statistics.median(times) for name, times in seconds.items()}
    ratios = {name: statistics.median(peer / own for peer, own in zip(seconds[name],
                                                                      seconds["hierevo"]))
              for name in seconds if name != "hierevo"}
    return {"pictures": len(files), "size": options.size, "rounds": options.rounds,
            "per_core_second": rates, "ratio": ratios, "difference": difference}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loader", required=True, help="the program benchmark_loader")
    parser.add_argument("--pictures", type=pathlib.Path, help="folder of JPEG files")
    parser.add_argument("--writer", help="instead, to try it out: the program test_data_write_jpeg")
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    options = parser.parse_args()
    if (options.pictures is None) == (options.writer is None):
        parser.error("give either --pictures or --writer")
    with tempfile.TemporaryDirectory() as folder:
        if options.writer:
            options.pictures = pathlib.Path(folder)
            for i in range(4):
                subprocess.run([options.writer, options.pictures / f"{i}.jpg", "60", "80", str(i)],
                               check=True)
        found = measure(options)
    if options.json:
        print(json.dumps(found))
        return
    for name, rate in found["per_core_second"].items():
        ratio = found["ratio"].get(name)
        print(f"{name:20} {rate:7.0f} pictures/s" + (f"  hierevo/{name} {ratio:.2f}" if ratio else ""))
    print(f"mean difference from Pillow's pixels: {found['difference']}")


if __name__ == "__main__":
    main()

"""The GPUs as CUDA's driver sees them, by its C interface; a process of its own, as a broken one may hang.

usage: cuda_driver.py              prints the devices as JSON, or why there are none
       cuda_driver.py hold GIB     takes all memory of the first device but so many GiB, prints "held", and keeps it
                                   until its standard input ends
"""
from __future__ import annotations

import ctypes
import json
import sys

ATTRIBUTES = {"multiprocessors": 16, "major": 75, "minor": 76}


class Driver:
    def __init__(self):
        self.library = ctypes.CDLL("libcuda.so.1")

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            text = ctypes.c_char_p()
            self.library.cuGetErrorName(code, ctypes.byref(text))
            raise RuntimeError(f"{name}: {(text.value or b'unknown').decode()} ({code})")

    def integer(self, name, *arguments):
        value = ctypes.c_int()
        self.call(name, ctypes.byref(value), *arguments)
        return value.value

    def device(self, number):
        name = ctypes.create_string_buffer(256)
        memory = ctypes.c_size_t()
        device = self.integer("cuDeviceGet", number)
        self.call("cuDeviceGetName", name, 256, device)
        self.call("cuDeviceTotalMem_v2", ctypes.byref(memory), device)
        facts = {key: self.integer("cuDeviceGetAttribute", code, device) for key, code in ATTRIBUTES.items()}
        return {"name": name.value.decode(), "memory_gib": round(memory.value / 2**30, 1),
                "multiprocessors": facts["multiprocessors"],
                "compute_capability": f"{facts['major']}.{facts['minor']}"}


def describe():
    try:
        driver = Driver()
    except OSError:
        return {"driver": "", "devices": [], "why": "there is no CUDA driver (libcuda.so.1)"}
    code = driver.library.cuInit(0)
    if code != 0:
        return {"driver": "", "devices": [], "why": f"CUDA's driver finds no GPU (cuInit: error {code})"}
    version = driver.integer("cuDriverGetVersion")
    count = driver.integer("cuDeviceGetCount")
    return {"driver": f"{version // 1000}.{version % 1000 // 10}",
            "devices": [driver.device(number) for number in range(count)],
            "why": "" if count else "CUDA's driver shows no GPU (CUDA_VISIBLE_DEVICES?)"}


def hold(gib):
    driver = Driver()
    driver.call("cuInit", 0)
    context = ctypes.c_void_p()
    driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), driver.integer("cuDeviceGet", 0))
    driver.call("cuCtxSetCurrent", context)
    free, total, memory = ctypes.c_size_t(), ctypes.c_size_t(), ctypes.c_uint64()
    driver.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
    taken = max(0, free.value - int(gib * 2**30))
    if taken:
        driver.call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(taken))
    print("held", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1:2] == ["hold"]:
        hold(float(sys.argv[2]))
    else:
        print(json.dumps(describe()))

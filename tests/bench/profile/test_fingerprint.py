"""Fingerprints of texts in both oneDNN's formats, and what of them differs."""

import dataclasses

from bench.profile.fingerprint import (
    KERNELS,
    RECORDED,
    SETTINGS,
    Difference,
    Fingerprint,
    compared,
    differences,
    fingerprint,
)
from bench.record.profile import Profile
from tests.builders.profiles import two_operations
from tests.builders.traces import profile, trace

NODES = """\
ids = Placeholder() [8, 10]
rnn/MatMul = MatMul(ids, w) [8, 32]

__inference_body:
  rnn/MatMul = MatMul(ids, w) [8, 32]
"""
HLO = """\
HloModule a_inference_step__, entry_computation_layout={(f32[8]{0})->f32[8]{0}}

%body.1 (p.1: (f32[8], s32[])) -> (f32[8], s32[]) {
  %p.1 = (f32[8]{0}, s32[]) parameter(0)
  ROOT %t.2 = (f32[8]{0}, /*index=1*/s32[]) tuple(f32[8]{0} %a.1, s32[] %b.2)
}

ENTRY main {
  Arg_0.1 = f32[8]{0} parameter(0), metadata={op_name="XLA (Args)"}
  ROOT add.2 = f32[8]{0} add(Arg_0.1, Arg_0.1)
}
"""
OLD = """\
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate flags.
onednn_verbose,info,oneDNN v2.7.3 (commit N/A)
onednn_verbose,info,cpu,runtime:threadpool,nthr:2
onednn_verbose,info,cpu,isa:Intel AVX-512 with Intel DL Boost
onednn_verbose,info,prim_template:operation,engine,primitive,implementation,exec_time
onednn_verbose,exec,cpu,gemm_api,,undef,src_f32::blocked:ab:f0,,16x64:64x32,52.4841
onednn_verbose,exec,cpu,softmax,jit:avx512_core,forward_inference,src_f32::blocked:ab:f0,,16x32,0.06
"""
NEW = """\
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate flags.
onednn_verbose,v1,info,oneDNN v3.7.3 (commit N/A)
onednn_verbose,v1,info,cpu,runtime:threadpool,nthr:2
onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost
onednn_verbose,v1,primitive,exec,cpu,gemm_api,,undef,src_f32::blocked:ab:f0,,,16x64:64x32,64.8831
onednn_verbose,v1,primitive,exec,cpu,softmax,jit:avx512_core_bf16,forward_inference,src:f32::blocked:ab::f0,,,16x32,2.6
onednn_verbose,v1,primitive,exec,cpu,softmax,jit:avx512_core_bf16,forward_inference,src:f32::blocked:ab::f0,,,16x32,2.7
"""
PROFILE = two_operations(1000, 500)


def test_operations_primitives_and_settings_are_read() -> None:
    found = fingerprint(PROFILE, NODES, HLO, OLD)
    assert found.counts == {
        "graph operations": {"Placeholder": 1, "MatMul": 2},
        "HLO operations": {"parameter": 2, "tuple": 1, "add": 1},
        "oneDNN primitives": {"gemm_api": 1, "softmax jit:avx512_core": 1},
    }
    assert found.kernels == {"MatMul": 1000, "Add": 500}
    assert found.settings == {
        "threads": str(PROFILE.environment.threads),
        "oneDNN's kernels": "on" if PROFILE.environment.onednn else "off",
        "oneDNN": "v2.7.3",
        "oneDNN's instructions": "Intel AVX-512 with Intel DL Boost",
        "oneDNN's threads": "2",
        "instructions that TensorFlow looks for": "AVX2 FMA",
    }


def test_both_formats_of_onednn_are_compared() -> None:
    found = differences(fingerprint(PROFILE, NODES, HLO, OLD), fingerprint(PROFILE, NODES, HLO, NEW))
    assert found == (
        Difference("oneDNN primitives", "softmax jit:avx512_core_bf16", None, 2),
        Difference("oneDNN primitives", "softmax jit:avx512_core", 1, None),
        Difference(SETTINGS, "oneDNN", "v2.7.3", "v3.7.3"),
    )


def test_times_are_no_part_of_it() -> None:
    slower = two_operations(9000, 500)
    assert differences(fingerprint(PROFILE, NODES, HLO, OLD), fingerprint(slower, NODES, HLO, OLD)) == ()


def test_other_threads_differ() -> None:
    environment = dataclasses.replace(PROFILE.environment, threads=7)
    other = fingerprint(dataclasses.replace(PROFILE, environment=environment), NODES, HLO, OLD)
    (found,) = differences(fingerprint(PROFILE, NODES, HLO, OLD), other)
    assert (found.kind, found.name, found.candidate) == (SETTINGS, "threads", "7")


def test_what_one_side_did_not_keep_is_not_compared() -> None:
    whole, none = fingerprint(PROFILE, NODES, HLO, OLD), fingerprint(PROFILE, "", "", "")
    assert differences(whole, none) == ()


def of_kernels(of: Profile) -> Fingerprint:
    return fingerprint(of, "", "", "")


def test_a_kernel_of_one_side_alone_differs() -> None:
    """As in a workload whose graph isn't kept: there is nothing else to see it by."""
    plain, onednn = of_kernels(two_operations(20_000, 500)), of_kernels(two_operations(20_000, 500, "_Mkl"))
    assert compared(plain, onednn) == [KERNELS]
    assert differences(plain, onednn) == (
        Difference(KERNELS, "MatMul", RECORDED, None),
        Difference(KERNELS, "_MklMatMul", None, RECORDED),
    )


def test_a_kernel_that_takes_so_little_that_it_may_not_be_recorded_is_no_difference() -> None:
    """TensorFlow may record it in one process and leave it out in another."""
    assert differences(of_kernels(two_operations(20_000, 9_000)), of_kernels(product_alone(20_000))) == ()
    (found,) = differences(of_kernels(two_operations(20_000, 10_000)), of_kernels(product_alone(20_000)))
    assert found == Difference(KERNELS, "Add", RECORDED, None)


def test_a_call_that_was_held_up_once_does_not_make_a_kernel_long() -> None:
    """Calls of 500, 500 and 90,000 ns: the median is 500."""
    added = [("rnn/add:Add", 20_000, 20_500), ("rnn/add:Add", 20_500, 21_000), ("rnn/add:Add", 21_000, 111_000)]
    held_up = profile(trace({"worker": [("dense/MatMul:MatMul", 0, 20_000), *added]}, [(0, 111_000)]), 111e-6)
    assert differences(of_kernels(held_up), of_kernels(product_alone(20_000))) == ()


def product_alone(nanoseconds: int) -> Profile:
    return profile(trace({"worker": [("dense/MatMul:MatMul", 0, nanoseconds)]}, [(0, nanoseconds)]), nanoseconds / 1e9)

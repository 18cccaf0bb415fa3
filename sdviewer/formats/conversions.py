"""How to convert what sdviewer does not read: one line of Python or of a shell for each kind of file.

In a line, {file} stands for the file's name, {stem} for the name without its ending, {npz} and {pt} for the
stem with these endings, all as Python literals; {quoted} for the name as a shell takes it.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath


def filled_in(line: str, name: str) -> str:
    """The line for a file of this name, which may hold any characters."""
    stem = PurePath(name).stem
    values = {
        "file": repr(name),
        "stem": repr(stem),
        "npz": repr(f"{stem}.npz"),
        "pt": repr(f"{stem}.pt"),
        "quoted": shlex.quote(name),
    }
    return re.sub(r"\{(file|stem|npz|pt|quoted)\}", lambda found: values[found[1]], line)


def in_python(code: str) -> str:
    """The hint to run this line of Python."""
    return f"convert it in Python: {code}"


ONNX = in_python(
    "import onnx, numpy; numpy.savez({npz}, **{t.name: onnx.numpy_helper.to_array(t) "
    "for t in onnx.load({file}).graph.initializer})"
)
HDF5 = in_python(
    "import h5py, numpy; w = {}; h5py.File({file}).visititems(lambda n, d: w.update({n: d[()]}) "
    "if hasattr(d, 'shape') else None); numpy.savez({npz}, **w)"
)
KERAS = in_python(
    "import keras, numpy; numpy.savez({npz}, **{w.path: w.numpy() for w in keras.saving.load_model({file}).weights})"
)
GGUF = in_python(
    "import gguf, numpy; numpy.savez({npz}, **{t.name: gguf.dequantize(t.data, t.tensor_type) "
    "for t in gguf.GGUFReader({file}).tensors})"
)
TENSORFLOW = in_python(
    "import tensorflow as tf, numpy; r = tf.train.load_checkpoint({stem}); "
    "numpy.savez({npz}, **{n: r.get_tensor(n) for n in r.get_variable_to_shape_map()})"
)
SAVED_MODEL = (
    "convert it in Python, in its folder: import tensorflow as tf, numpy; numpy.savez({npz}, "
    "**{v.name: v.numpy() for v in tf.saved_model.load('.').variables})"
)
FLAX = in_python(
    "import flax, numpy; numpy.savez({npz}, **flax.traverse_util.flatten_dict("
    "flax.serialization.msgpack_restore(open({file}, 'rb').read()), sep='.'))"
)
CORE_ML = in_python(
    "import coremltools as ct, numpy; numpy.savez({npz}, **{k: v.val for k, v in "
    "ct.optimize.coreml.get_weights_metadata(ct.models.MLModel({file}), weight_threshold=0).items()})"
)
OPENVINO = in_python(
    "import openvino, numpy; numpy.savez({npz}, **{o.get_friendly_name(): o.data for o in "
    "openvino.Core().read_model({file}).get_ops() if o.get_type_name() == 'Constant'})"
)
TFLITE = in_python(
    "import tensorflow as tf, numpy; i = tf.lite.Interpreter({file}); i.allocate_tensors(); "
    "numpy.savez({npz}, **{d['name']: i.get_tensor(d['index']) for d in i.get_tensor_details()})"
)
JOBLIB = (
    "if you trust whoever made it, convert it in Python: import joblib, torch; torch.save(joblib.load({file}), {pt})"
)
# The prefix of a program and its parameters, as paddle.jit.save writes them.
PADDLE = in_python("import paddle, numpy; numpy.savez({npz}, **paddle.load({stem}, return_numpy=True))")

"""The one shape of ONNX file that forerun serves: `input` float32 [rows, n] to `score` float32 [rows, 1]."""

import json
from collections.abc import Sequence

import onnx
from onnx import AttributeProto, TensorProto, helper

from forerun.errors import ConversionError
from forerun.models.file import INPUT, INPUTS_KEY, MISSING_KEY, OUTPUT, ROWS_KEY

_ROW_BY_ROW = frozenset(
    {
        "ArrayFeatureExtractor",
        "Cast",
        "Gather",
        "Identity",
        "Imputer",
        "TreeEnsembleClassifier",
        "TreeEnsembleRegressor",
    }
)
"""Operators that compute each row by itself in a fixed order, so that a batch gives the bits of single rows.
Others (matrix products above all) may sum in another order when there are more rows."""


def score_only(proto: onnx.ModelProto, names: Sequence[str], *, takes_missing: bool) -> bytes:
    """Keep what computes the probability of label 1, and write it in one canonical way.

    Args:
        proto: A converter's classifier: probabilities of both labels among its outputs.
        names: Names of the inputs, in order; they travel in the file.
        takes_missing: Whether the model gives a meaning to NaN.

    Returns:
        The file. The same model gives the same bytes on any machine and in any process.

    Raises:
        ConversionError: There are no probabilities among the outputs, or it computes in loops.
    """
    graph = proto.graph
    producers = {output: node for node in graph.node for output in node.output}
    probabilities = _probabilities(graph, producers)
    kept = _needed(graph, producers, probabilities)
    names_inside = _numbered(graph, kept)
    nodes = [_plain(node, i, names_inside) for i, node in enumerate(kept)]
    constants = [
        _renamed(tensor, names_inside) for tensor in graph.initializer if tensor.name in names_inside
    ]
    column = helper.make_tensor("column", TensorProto.INT64, [1], [1])
    nodes.append(helper.make_node("Gather", [names_inside[probabilities], column.name], [OUTPUT], axis=1))

    alone = not all(node.op_type in _ROW_BY_ROW for node in nodes)
    model = helper.make_model(
        helper.make_graph(
            nodes,
            OUTPUT,
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(names)])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
            [*constants, column],
        ),
        opset_imports=sorted(proto.opset_import, key=lambda opset: opset.domain),
        ir_version=proto.ir_version,
        producer_name="forerun",
    )
    facts = {
        INPUTS_KEY: json.dumps(list(names), separators=(",", ":")),
        MISSING_KEY: "taken" if takes_missing else "refused",
        ROWS_KEY: "alone" if alone else "together",
    }
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _probabilities(graph: onnx.GraphProto, producers: dict[str, onnx.NodeProto]) -> str:
    """Name of the tensor of both probabilities: the second output, before it is made a list of maps."""
    if len(graph.output) != 2:
        names = ", ".join(output.name for output in graph.output)
        raise ConversionError(
            f"the converted model gives {names}, not a label and probabilities; use a classifier"
        )
    name: str = graph.output[1].name
    while producers[name].op_type in ("ZipMap", "Identity"):
        name = producers[name].input[0]
    return name


def _needed(
    graph: onnx.GraphProto, producers: dict[str, onnx.NodeProto], output: str
) -> list[onnx.NodeProto]:
    """The nodes that lead to one tensor, in the graph's order."""
    wanted, seen = [output], set[str]()
    while wanted:
        name = wanted.pop()
        if name in producers and name not in seen:
            seen.add(name)
            wanted.extend(producers[name].input)
    return [node for node in graph.node if seen & set(node.output)]


def _numbered(graph: onnx.GraphProto, kept: list[onnx.NodeProto]) -> dict[str, str]:
    """New names for all tensors in order of appearance: converters draw theirs from counters and clocks."""
    names = {graph.input[0].name: INPUT, "": ""}
    for node in kept:
        for name in (*node.input, *node.output):
            names.setdefault(name, f"tensor_{len(names) - 2}")
    return names


def _plain(node: onnx.NodeProto, number: int, names: dict[str, str]) -> onnx.NodeProto:
    """The node in a canonical form."""
    if any(attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for attribute in node.attribute):
        raise ConversionError(
            f"the converted model loops over rows ({node.op_type}), as nearest neighbours do; "
            "use a classifier that does not keep its training rows, like LGBMClassifier"
        )
    plain = onnx.NodeProto()
    plain.CopyFrom(node)
    plain.name = f"{node.op_type}_{number}"
    plain.ClearField("doc_string")
    for field in (plain.input, plain.output):
        field[:] = [names[name] for name in field]
    del plain.attribute[:]
    plain.attribute.extend(sorted(node.attribute, key=lambda attribute: attribute.name))
    return plain


def _renamed(tensor: TensorProto, names: dict[str, str]) -> TensorProto:
    renamed = TensorProto()
    renamed.CopyFrom(tensor)
    renamed.name = names[tensor.name]
    return renamed

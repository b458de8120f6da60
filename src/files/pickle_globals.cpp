#include "files/pickle_globals.h"

#include <algorithm>
#include <array>

namespace physgen {
namespace {

/// Names of a module, between spaces.
struct HarmlessNames {
  std::string_view module;
  std::string_view names;
};

constexpr std::string_view kBuiltins =
    " bool bytearray bytes complex dict float frozenset int list long object range set slice str tuple unicode xrange ";
constexpr std::string_view kPaths = " Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath ";
constexpr std::string_view kArrays = " _reconstruct scalar ";
constexpr std::string_view kAttributeDict = " AttributeDict ";
constexpr std::string_view kTrainerStates = " RunningStage TrainerFn TrainerStatus ";

// Protocol 2 writes the names of Python 2: __builtin__ for builtins, copy_reg for copyreg.
constexpr auto kHarmless = std::to_array<HarmlessNames>({
    {"__builtin__", kBuiltins},
    {"builtins", kBuiltins},
    {"_codecs", " encode "},
    {"argparse", " Namespace "},
    {"collections", " Counter defaultdict deque "},
    {"datetime", " date datetime time timedelta timezone "},
    {"decimal", " Decimal "},
    {"fractions", " Fraction "},
    {"http", " HTTPMethod HTTPStatus "},
    {"pathlib", kPaths},
    {"pathlib._local", kPaths},
    {"signal", " Signals "},
    {"types", " SimpleNamespace "},
    {"typing", " Any Dict List Optional Tuple Union "},
    {"uuid", " SafeUUID UUID "},
    {"numpy",
     " bool_ bool complex128 complex64 dtype float16 float32 float64 int16 int32 int64 int8 ndarray str_ uint16 uint32 "
     "uint64 uint8 "},
    {"numpy.core.multiarray", kArrays},
    {"numpy._core.multiarray", kArrays},
    {"numpy.random._pickle", " __bit_generator_ctor __generator_ctor __randomstate_ctor "},
    {"numpy.random._mt19937", " MT19937 "},
    {"numpy.random._pcg64", " PCG64 PCG64DXSM "},
    {"torch",
     " Size bfloat16 bool complex128 complex64 device float16 float32 float64 int16 int32 int64 int8 "
     "uint8 "},
    {"torch.serialization", " _get_layout "},
    {"torch._tensor", " _rebuild_from_type_v2 "},
    {"torch._utils", " _rebuild_parameter_with_state _rebuild_sparse_tensor "},
    {"torch.distributed.fsdp.api", " BackwardPrefetch MixedPrecision ShardingStrategy StateDictType "},
    {"torch.nn.parameter", " Parameter "},
    {"accelerate.utils.dataclasses",
     " DistributedType DynamoBackend LoggerType PrecisionType SageMakerDistributedType "},
    {"addict.addict", " Dict "},
    {"deepspeed.runtime.fp16.loss_scaler", " DynamicLossScaler LossScaler "},
    {"easydict", " EasyDict "},
    {"lightning.fabric.utilities.data", kAttributeDict},
    {"lightning.pytorch.trainer.states", kTrainerStates},
    {"lightning.pytorch.utilities.parsing", kAttributeDict},
    {"lightning_fabric.utilities.data", kAttributeDict},
    {"pytorch_lightning.trainer.states", kTrainerStates},
    {"pytorch_lightning.utilities.parsing", kAttributeDict},
    {"ml_collections.config_dict.config_dict", " ConfigDict FieldReference FrozenConfigDict "},
    {"mmengine.config.config", " Config ConfigDict "},
    {"mmengine.logging.history_buffer", " HistoryBuffer "},
    {"omegaconf.base", " ContainerMetadata Metadata "},
    {"omegaconf.dictconfig", " DictConfig "},
    {"omegaconf.listconfig", " ListConfig "},
    {"omegaconf.nodes",
     " AnyNode BooleanNode BytesNode EnumNode FloatNode IntegerNode InterpolationResultNode PathNode StringNode "},
    {"transformers.trainer_pt_utils", " AcceleratorConfig "},
    {"transformers.trainer_utils",
     " EvaluationStrategy FSDPOption HubStrategy IntervalStrategy SaveStrategy SchedulerType "},
    {"transformers.training_args", " OptimizerNames ParallelMode TrainingArguments "},
    {"yacs.config", " CfgNode "},
});

bool holds(std::string_view names, std::string_view name) {
  for (size_t at = names.find(name); at != std::string_view::npos; at = names.find(name, at + 1)) {
    if (names[at - 1] == ' ' && names[at + name.size()] == ' ') return true;
  }
  return false;
}

bool is_word(std::string_view name) { return !name.empty() && name.find(' ') == std::string_view::npos; }

}  // namespace

std::span<const PickleGlobal> pickle_globals() {
  static constexpr PickleGlobal kGlobals[] = {
      {"collections", "OrderedDict", {}},           {"torch._utils", "_rebuild_tensor_v2", {}},
      {"torch._utils", "_rebuild_parameter", {}},   {"torch", "DoubleStorage", DataType::f64},
      {"torch", "FloatStorage", DataType::f32},     {"torch", "HalfStorage", DataType::f16},
      {"torch", "BFloat16Storage", DataType::bf16}, {"torch", "LongStorage", DataType::i64},
      {"torch", "IntStorage", DataType::i32},       {"torch", "ShortStorage", DataType::i16},
      {"torch", "CharStorage", DataType::i8},       {"torch", "ByteStorage", DataType::u8},
      {"torch", "BoolStorage", DataType::boolean}};
  return kGlobals;
}

bool is_harmless_name(std::string_view module, std::string_view name) {
  if (!is_word(name)) return false;  // "a b" would be found between two spaces
  return std::ranges::any_of(
      kHarmless, [&](const HarmlessNames& known) { return known.module == module && holds(known.names, name); });
}

}  // namespace physgen

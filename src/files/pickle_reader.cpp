#include "files/pickle_reader.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "core/quote.h"
#include "files/checkpoint_dict.h"
#include "files/pickle_bytes.h"
#include "files/pickle_error.h"
#include "files/pickle_globals.h"
#include "files/pickle_stack.h"
#include "files/pickle_value.h"
#include "files/safetensors_header.h"

namespace physgen {
namespace {

using Kind = PickleKind;
using Value = PickleValue;

// A tensor takes 150 to 250 bytes of a pickle, its hooks a dict, and a parameter's optimizer another. With these limits
// and those of the stack no pickle, whatever it holds, takes more than about a gigabyte of memory: tensors of 64
// dimensions take 1.1 KB each, 150 MB, and as much again where they are named; the 2^22 values of dicts 48 bytes each
// and the room to grow, 400 MB; those that are remembered 32 bytes each, 100 MB; the dicts themselves 25 MB. Lists and
// objects take nothing: what they hold is dropped. A text takes three times its length while its UTF-8 is checked.
constexpr size_t kLongestPickle = 32 << 20;  // bytes
constexpr size_t kMostTensors = 1 << 17;
constexpr size_t kMostDicts = 1 << 19;
constexpr size_t kLongestText = 1 << 20;  // bytes; an array's numbers are a text in protocol 2
constexpr size_t kLongestName = 1024;     // bytes; a key may be remembered and compared a million times
constexpr size_t kMostDimensions = 64;

class PickleReader {
 public:
  PickleReader(std::span<const std::byte> bytes, const std::string& source)
      : bytes_(bytes, source), stack_(source), source_(source) {}

  PickledStateDict read() {
    if (bytes_.size() > kLongestPickle) refuse(std::to_string(bytes_.size()) + " bytes", "at most 32 MiB");
    read_protocol();
    while (step(bytes_.take_number<uint8_t>())) {
    }
    const size_t left = bytes_.size() - bytes_.position();
    if (left != 0) refuse(std::to_string(left) + " bytes after its end", "none");
    const Value whole = stack_.only();
    dict(whole);
    const StateDictPlace place = find_state_dict(static_cast<size_t>(whole.number), dicts_, tensors_, source_);
    return {.tensors = named_tensors(dicts_[place.dict]), .note = place.note};
  }

 private:
  [[noreturn]] void refuse(const std::string& got, const std::string& expected,
                           const std::string& next_step = "") const {
    refuse_pickle(source_, got, expected, next_step);
  }

  void read_protocol() {
    const uint8_t opcode = bytes_.take_number<uint8_t>();
    if (opcode != 0x80) refuse("no protocol at its begin", "protocol 2");
    const uint8_t protocol = bytes_.take_number<uint8_t>();
    if (protocol < 2 || protocol > 5) refuse("protocol " + std::to_string(protocol), "2 to 5");
  }

  /// False at the end of the pickle.
  bool step(uint8_t opcode) {
    switch (opcode) {
      case '.':  // STOP
        return false;
      case '(':  // MARK
        stack_.open_mark();
        break;
      case '}':  // EMPTY_DICT
        stack_.push(new_dict(Kind::dict));
        break;
      case ')':  // EMPTY_TUPLE
        stack_.push({.kind = Kind::tuple, .depth = 1});
        break;
      case ']':  // EMPTY_LIST
        stack_.push({.kind = Kind::list});
        break;
      case 't':  // TUPLE
        stack_.push_tuple(stack_.close_mark());
        break;
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        stack_.push_tuple(opcode - 0x84u);
        break;
      default:
        return step_object(opcode);
    }
    return true;
  }

  bool step_object(uint8_t opcode) {
    switch (opcode) {
      case 'c':  // GLOBAL
        push_global();
        break;
      case 'R':  // REDUCE
        reduce();
        break;
      case 0x81:  // NEWOBJ
        push_new_object();
        break;
      case 'b':  // BUILD
        build();
        break;
      case 'a':  // APPEND
        append(1);
        break;
      case 'e':  // APPENDS
        append(stack_.close_mark());
        break;
      case 'Q':  // BINPERSID
        push_storage();
        break;
      case 's':  // SETITEM
        set_items(2);
        break;
      case 'u':  // SETITEMS
        set_items(stack_.close_mark());
        break;
      default:
        return step_scalar(opcode);
    }
    return true;
  }

  bool step_scalar(uint8_t opcode) {
    switch (opcode) {
      case 'N':  // NONE
        stack_.push({.kind = Kind::none});
        break;
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        stack_.push({.kind = Kind::boolean, .number = opcode == 0x88});
        break;
      case 'K':  // BININT1
        push_integer(bytes_.take_number<uint8_t>());
        break;
      case 'M':  // BININT2
        push_integer(bytes_.take_number<uint16_t>());
        break;
      case 'J':  // BININT
        push_integer(bytes_.take_number<int32_t>());
        break;
      case 0x8a:  // LONG1
        push_long(bytes_.take_number<uint8_t>());
        break;
      case 0x8b:  // LONG4
        push_long(bytes_.take_number<uint32_t>());
        break;
      case 'G':  // BINFLOAT, only in what is dropped
        bytes_.take(8);
        stack_.push({.kind = Kind::real});
        break;
      case 'X':  // BINUNICODE
        push_text();
        break;
      default:
        return step_memo(opcode);
    }
    return true;
  }

  bool step_memo(uint8_t opcode) {
    switch (opcode) {
      case 'q':  // BINPUT
        stack_.remember(bytes_.take_number<uint8_t>());
        break;
      case 'r':  // LONG_BINPUT
        stack_.remember(bytes_.take_number<uint32_t>());
        break;
      case 'h':  // BINGET
        stack_.recall(bytes_.take_number<uint8_t>());
        break;
      case 'j':  // LONG_BINGET
        stack_.recall(bytes_.take_number<uint32_t>());
        break;
      default:
        refuse("the opcode " + std::to_string(opcode) + " at byte " + std::to_string(bytes_.position() - 1),
               "the opcodes of torch.save for a state dict", kSaveStateDict);
    }
    return true;
  }

  Value new_dict(Kind kind) {
    if (dicts_.size() == kMostDicts) refuse("more dicts", "at most " + std::to_string(kMostDicts));
    dicts_.emplace_back();
    return {.kind = kind, .number = static_cast<int64_t>(dicts_.size() - 1)};
  }

  PickleDict& dict(const Value& value) {
    if (is_dict(value)) return dicts_[static_cast<size_t>(value.number)];
    refuse(described(value.kind), "a dict");
  }

  /// Into the dict below the last `count` values, key by value; of an object's items nothing is kept.
  void set_items(size_t count) {
    if (count % 2 != 0) refuse("the key of a dict without its value", "pairs");
    const std::span<const Value> values = stack_.last(count + 1);
    if (values[0].kind != Kind::object) {
      stack_.count_kept(count / 2);
      PickleDict& into = dict(values[0]);
      for (size_t i = 1; i < values.size(); i += 2) set_item(into, values[i], values[i + 1]);
    }
    stack_.drop(count);
  }

  void set_item(PickleDict& dict, const Value& key, const Value& value) const {
    if (key.text.size() > kLongestName)
      refuse("a key of " + std::to_string(key.text.size()) + " bytes", "at most " + std::to_string(kLongestName));
    if (key.kind != Kind::text) {
      if (!dict.other_key) dict.other_key = key.kind;
      return;
    }
    dict.items.emplace_back(key.text, value);
    dict.tensors += value.kind == Kind::tensor ? 1 : 0;
  }

  /// To the list or object below the last `count` values, of which nothing is kept.
  void append(size_t count) {
    const Kind kind = stack_.last(count + 1)[0].kind;
    if (kind != Kind::list && kind != Kind::object) refuse(described(kind), "a list");
    stack_.drop(count);
  }

  void push_integer(int64_t number) { stack_.push({.kind = Kind::integer, .number = number}); }

  void push_long(size_t size) {
    const std::string_view digits = bytes_.take(size);
    if (size > 8) return stack_.push({.kind = Kind::long_integer});
    int64_t number = !digits.empty() && (digits.back() & 0x80) ? -1 : 0;
    std::memcpy(&number, digits.data(), size);
    push_integer(number);
  }

  void push_text() {
    const uint32_t size = bytes_.take_number<uint32_t>();
    if (size > kLongestText)
      refuse("a text of " + std::to_string(size) + " bytes", "at most " + std::to_string(kLongestText));
    const std::string_view text = bytes_.take(size);
    if (!is_utf8(text)) refuse("the text " + quote(text), "UTF-8");
    stack_.push({.kind = Kind::text, .text = text});
  }

  void push_global() {
    const std::string_view module = bytes_.take_line(), name = bytes_.take_line();
    const auto globals = pickle_globals();
    const auto is_named = [&](const PickleGlobal& global) { return global.module == module && global.name == name; };
    const auto found = std::find_if(globals.begin(), globals.end(), is_named);
    if (found != globals.end()) return stack_.push({.kind = Kind::global, .number = found - globals.begin()});
    if (is_harmless_name(module, name)) return stack_.push({.kind = Kind::harmless_name});
    std::string shown = quote(std::string(module) + "." + std::string(name));
    refuse("the pickle names " + shown.substr(1, shown.size() - 2),
           "only the names of tensors, numbers, texts, paths, containers and configs",
           std::string("do not load it by other means unless you trust its author; ") + kSaveStateDict);
  }

  /// The tuple ("storage", type, key, device, size).
  void push_storage() {
    const Value tuple = stack_.pop();
    const auto items = tuple.kind == Kind::tuple ? stack_.items_of(tuple) : std::span<const Value>();
    if (items.size() != 5 || items[0].text != "storage" || items[1].kind != Kind::global ||
        !pickle_globals()[static_cast<size_t>(items[1].number)].storage || items[2].kind != Kind::text ||
        items[2].text.size() > kLongestName || items[3].kind != Kind::text || items[4].kind != Kind::integer ||
        items[4].number < 0) {
      refuse("a persistent id that is no storage", "(\"storage\", type, key, device, size)");
    }
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): refused above where there is none
    const DataType type = *pickle_globals()[static_cast<size_t>(items[1].number)].storage;
    const PickledStorage storage = {.type = type, .key = items[2].text, .size = items[4].number};
    const auto [known, is_new] = storage_of_key_.try_emplace(storage.key, storages_.size());
    if (is_new) storages_.push_back(storage);
    const PickledStorage& first = storages_[known->second];
    if (first.type != storage.type || first.size != storage.size) {
      refuse("the storage " + quote(storage.key) + " with two types or sizes", "one");
    }
    stack_.push({.kind = Kind::storage, .number = static_cast<int64_t>(known->second)});
  }

  void reduce() {
    const Value arguments = stack_.pop(), function = stack_.pop();
    if (function.kind == Kind::harmless_name && arguments.kind == Kind::tuple) return push_object();
    if (function.kind != Kind::global || arguments.kind != Kind::tuple) {
      refuse("a call of " + described(function.kind) + " with " + described(arguments.kind), "a known function");
    }
    const auto items = stack_.items_of(arguments);
    if (function.number == kOrderedDict && items.empty()) return stack_.push(new_dict(Kind::ordered_dict));
    if (function.number == kRebuildTensor) return push_tensor(items);
    if (function.number == kRebuildParameter) return push_parameter(items);
    const PickleGlobal& global = pickle_globals()[static_cast<size_t>(function.number)];
    refuse("a call of " + std::string(global.name) + " with " + std::to_string(items.size()) + " values",
           "a rebuilt tensor or an empty OrderedDict");
  }

  /// What a call would make, which is not called.
  void push_object() { stack_.push({.kind = Kind::object}); }

  void push_new_object() {
    const Value arguments = stack_.pop(), type = stack_.pop();
    if (type.kind == Kind::harmless_name && arguments.kind == Kind::tuple) return push_object();
    refuse("a new object of " + described(type.kind) + " with " + described(arguments.kind), "a known type");
  }

  /// Arguments: storage, offset, shape, strides, whether it requires a gradient, no hooks.
  void push_tensor(std::span<const Value> items) {
    if (items.size() != 6 || items[0].kind != Kind::storage || items[1].kind != Kind::integer ||
        items[4].kind != Kind::boolean || !is_empty_dict(items[5])) {
      refuse("a tensor of other arguments", "a storage, offset, shape and strides, without hooks and metadata");
    }
    if (tensors_.size() == kMostTensors) refuse("more tensors", "at most " + std::to_string(kMostTensors));
    PickledTensor tensor = {.storage = storages_[static_cast<size_t>(items[0].number)], .offset = items[1].number};
    tensor.shape = dimensions_of(items[2]);
    tensor.strides = dimensions_of(items[3]);
    if (tensor.shape.size() != tensor.strides.size()) refuse("a tensor with other strides", "one for each dimension");
    tensors_.push_back(std::move(tensor));
    stack_.push({.kind = Kind::tensor, .number = static_cast<int64_t>(tensors_.size() - 1)});
  }

  /// Arguments: tensor, whether it requires a gradient, no hooks. A parameter is its tensor.
  void push_parameter(std::span<const Value> items) {
    if (items.size() == 3 && items[0].kind == Kind::tensor && items[1].kind == Kind::boolean && is_empty_dict(items[2]))
      return stack_.push(Value(items[0]));
    refuse("a parameter of other arguments", "a tensor, without hooks");
  }

  bool is_empty_dict(const Value& value) const {
    return value.kind == Kind::ordered_dict && dicts_[static_cast<size_t>(value.number)].items.empty();
  }

  std::vector<int64_t> dimensions_of(const Value& tuple) const {
    if (tuple.kind != Kind::tuple || tuple.count > kMostDimensions)
      refuse("a shape that is none", "at most 64 integers");
    std::vector<int64_t> dimensions;
    for (const Value& item : stack_.items_of(tuple)) {
      if (item.kind != Kind::integer || item.number < 0) {
        const bool negative = item.kind == Kind::integer;
        refuse("a dimension or stride that is " + (negative ? std::to_string(item.number) : described(item.kind)),
               "an integer of at least 0");
      }
      dimensions.push_back(item.number);
    }
    return dimensions;
  }

  /// nn.Module.state_dict() attaches the versions of its modules to the dict; no tensor depends on them. The attributes
  /// of an object are dropped.
  void build() {
    const Value state = stack_.pop();
    if (stack_.top().kind == Kind::object) return;
    const std::vector<PickleItem>& attributes = dict(state).items;
    const bool is_metadata = attributes.size() == 1 && attributes[0].first == "_metadata";
    if (stack_.top().kind == Kind::ordered_dict && is_metadata) return;
    refuse("attributes of " + described(stack_.top().kind) + " other than _metadata", "those of a state dict",
           kSaveStateDict);
  }

  std::vector<PickledTensor> named_tensors(const PickleDict& state_dict) const {
    std::vector<PickledTensor> tensors;
    std::set<std::string_view> names;
    for (const auto& [name, value] : state_dict.items) {
      if (!is_tensor_name(name)) {
        refuse("the tensor name " + quote(name), "1 to 1024 bytes without control characters");
      }
      if (!names.insert(name).second) refuse(quote(name) + " a second time", "each tensor once");
      tensors.push_back(tensors_[static_cast<size_t>(value.number)]);
      tensors.back().name = name;
    }
    return tensors;
  }

  PickleBytes bytes_;
  PickleStack stack_;
  const std::string& source_;
  std::vector<PickleDict> dicts_;
  std::vector<PickledStorage> storages_;
  std::map<std::string_view, size_t> storage_of_key_;
  std::vector<PickledTensor> tensors_;
};

}  // namespace

PickledStateDict read_state_dict_pickle(std::span<const std::byte> bytes, const std::string& source) {
  return PickleReader(bytes, source).read();
}

}  // namespace physgen

#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// An enum says its texts in one table beside it, found by argument-dependent lookup:
//
//   enum class Position { absolute, rope };
//   constexpr auto choices_of(Position) {
//     return std::to_array<Choice<Position>>({{Position::absolute, "absolute"}, {Position::rope, "rope"}});
//   }

namespace physgen {

/// A value of an enum and what users write for it.
template <class Enum>
struct Choice {
  Enum value;
  std::string_view text;
};

/// An enum that has such a table.
template <class T>
concept Choosable = std::is_enum_v<T> && requires {
  choices_of(T{});
};

/// What users write for a value; empty where the table lacks it.
template <class Enum, size_t N>
constexpr std::string_view text_of(Enum value, const std::array<Choice<Enum>, N>& choices) {
  for (const auto& choice : choices) {
    if (choice.value == value) return choice.text;
  }
  return {};
}

template <Choosable Enum>
constexpr std::string_view text_of(Enum value) {
  return text_of(value, choices_of(value));
}

/// The value that a text stands for; nothing where it stands for none.
template <class Enum, size_t N>
constexpr std::optional<Enum> value_of(std::string_view text, const std::array<Choice<Enum>, N>& choices) {
  for (const auto& choice : choices) {
    if (choice.text == text) return choice.value;
  }
  return {};
}

template <Choosable Enum>
constexpr std::optional<Enum> value_of(std::string_view text) {
  return value_of(text, choices_of(Enum{}));
}

/// All texts, in the order of the table.
template <class Enum, size_t N>
std::vector<std::string> texts_of(const std::array<Choice<Enum>, N>& choices) {
  std::vector<std::string> texts;
  for (const auto& choice : choices) texts.emplace_back(choice.text);
  return texts;
}

template <Choosable Enum>
std::vector<std::string> texts_of() {
  return texts_of(choices_of(Enum{}));
}

/// Throws ConfigError: a text is none of the choices, which it names, with a suggestion.
[[noreturn]] void refuse_choice(const std::string& text, const std::vector<std::string>& choices,
                                const std::string& what, const std::string& where);

/// The value that a text stands for. Throws ConfigError where it stands for none. @param what, where  of that error
template <class Enum, size_t N>
Enum choice_of(const std::string& text, const std::array<Choice<Enum>, N>& choices, const std::string& what,
               const std::string& where) {
  const std::optional<Enum> value = value_of(text, choices);
  if (!value) refuse_choice(text, texts_of(choices), what, where);
  return *value;
}

template <Choosable Enum>
Enum choice_of(const std::string& text, const std::string& what, const std::string& where) {
  return choice_of(text, choices_of(Enum{}), what, where);
}

}  // namespace physgen

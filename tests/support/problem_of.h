#pragma once

#include <gtest/gtest.h>

#include <typeinfo>

#include "physgen/core/error.h"

namespace physgen {

/// The problem of the error that `action` throws, which must be exactly of this kind.
template <class Kind, class Action>
Problem problem_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_TRUE(typeid(error) == typeid(Kind)) << error.what();
    EXPECT_FALSE(error.problem().what.empty());
    EXPECT_FALSE(error.problem().where.empty());
    return error.problem();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace physgen

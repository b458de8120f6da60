#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>

#include "net/asio.h"
#include "serve/work_queue.h"

namespace physgen {

/// Does something in a thread of the queue, and goes on in the context's. Throws what it throws.
inline asio::awaitable<void> run_on(WorkQueue& queue, asio::io_context& context, std::function<void()> work) {
  std::exception_ptr failure;
  bool done = false;
  asio::steady_timer finished(context, asio::steady_timer::time_point::max());
  queue.add([&] {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    asio::post(context, [&] {
      done = true;
      finished.cancel();
    });
  });
  boost::system::error_code ignored;
  while (!done) co_await finished.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (failure) std::rethrow_exception(failure);
}

}  // namespace physgen

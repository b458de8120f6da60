#pragma once

// Asio 1.74 uses std::exchange in its coroutines without including it.
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace physgen {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

}  // namespace physgen

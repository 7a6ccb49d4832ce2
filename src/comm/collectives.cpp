#include "hierevo/comm/collectives.hpp"

#include <exception>

#include "hierevo/core/error.hpp"

namespace hierevo::comm {

namespace {

/// For memory that nobody will look at any more.
void wait_for_end(std::unique_ptr<Request::Operation> operation) {
  if (!operation) return;
  try {
    operation->wait();
  } catch (const std::exception&) {
    // Whoever waits for a later operation of the group, or starts one, gets the error.
  }
}

}  // namespace

std::size_t size_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return 1;
    case ElementType::bfloat16:
      return 2;
    case ElementType::float32:
      return 4;
    case ElementType::int64:
    case ElementType::float64:
      return 8;
  }
  throw core::InternalError("There is no such type of elements");
}

Request& Request::operator=(Request&& other) noexcept {
  if (this == &other) return *this;
  wait_for_end(std::move(operation_));
  operation_ = std::move(other.operation_);
  return *this;
}

Request::~Request() {
  wait_for_end(std::move(operation_));
}

bool Request::done() {
  return !operation_ || operation_->done();
}

void Request::wait() {
  const auto operation = std::move(operation_);
  if (operation) operation->wait();
}

}  // namespace hierevo::comm

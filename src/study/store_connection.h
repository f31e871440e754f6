// SPDX-License-Identifier: Apache-2.0
#pragma once
// The store's connection to its database: opened, brought to the newest schema, its transactions,
// and what it throws as an Error. Private to the store: this header and store.cpp are all that see
// SOCI.

#include "base/result.h"
#include "study/store_schema.h"

#include <cstdint>
#include <exception>
#include <string>

#include <soci/soci.h>

namespace brim::study {

struct Connection {
  soci::session sql;
  Dialect dialect = Dialect::sqlite;
  std::string where;  // as shown in errors
};

// Opens `to`, makes what is missing of the tables. `location` as Store::open() takes it.
[[nodiscard]] Result<void> connect(Connection& to, const std::string& location);

enum class Access : std::uint8_t {
  write,  // begun at once as a writer, so that two writers queue instead of failing half way
  read    // what is read is of one moment
};

// Rolled back unless committed.
class Transaction {
 public:
  Transaction(Connection& connection, Access access);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  soci::session& sql_;
  bool committed_ = false;
};

[[nodiscard]] Error store_error(const std::exception& thrown, const std::string& where);

// Runs `work`, which returns a Result; what SOCI throws becomes an Error.
template <class Work>
auto guarded(const std::string& where, Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& thrown) {
    return fail(store_error(thrown, where));
  }
}

}  // namespace brim::study

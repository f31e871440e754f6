// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a number came to be.

#include <cstdint>
#include <string_view>

namespace brim {

enum class Provenance : std::uint8_t { measured, modelled, published, assumed, computed };
[[nodiscard]] std::string_view name_of(Provenance provenance);

}  // namespace brim

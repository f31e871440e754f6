// SPDX-License-Identifier: Apache-2.0
#pragma once
// An area that exists only in tests.

#include "study/area.h"

#include <array>

namespace brim::study::test {

inline constexpr std::array kHardware = std::to_array<Parameter>({
    {"cores", ParameterType::count, "", "2", "Of the host.", {}, 1, 1024},
    {"memory", ParameterType::size, "", "16GiB", "Of the host."},
});
inline constexpr std::array kFast = std::to_array<Parameter>({
    {"rate", ParameterType::number, "pages/s", "5000", "Pages scanned."},
});
inline constexpr std::array kMechanisms = std::to_array<Family>({
    {"fast", "Scans at a rate.", kFast},
    {"none", "Does nothing.", {}},
});
inline constexpr std::array kWriter = std::to_array<Parameter>({
    {"write_rate", ParameterType::fraction, "", "0", "Share of pages written."},
});
inline constexpr std::array kProgram = std::to_array<Parameter>({
    {"command", ParameterType::text, "", "", "What is run.", {}, 1},
    {"unit", ParameterType::text, "", "", "What is counted."},
});
inline constexpr std::array kLoads = std::to_array<Family>({
    {"idle", "Does nothing.", {}},
    {"program", "Runs.", kProgram},
    {"writer", "Writes.", kWriter},
});
inline constexpr std::array kGuests = std::to_array<Parameter>({
    {"memory", ParameterType::size, "", "1GiB", "Of a guest."},
});
inline constexpr Area kArea{"test",  kHardware,         kMechanisms, kLoads,
                            kGuests, "share.ram_bytes", "memory"};
inline constexpr std::array<const Area*, 1> kAreas{&kArea};

}  // namespace brim::study::test

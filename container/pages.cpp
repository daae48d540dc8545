#include "container/pages.h"

#include <cstdint>

#include <malloc.h>
#include <sys/mman.h>

namespace berth::container {

namespace {

constexpr std::uintptr_t page = 4096;

std::uintptr_t address_of(const void* place) { return reinterpret_cast<std::uintptr_t>(place); }

}  // namespace

void release_pages(void* begin, std::size_t bytes) {
    const std::uintptr_t from = (address_of(begin) + page - 1) & ~(page - 1);
    const std::uintptr_t to = (address_of(begin) + bytes) & ~(page - 1);
    if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

void release_idle_memory() {
    ::malloc_trim(0);
    // Some pages right below are in use by this very call.
    constexpr std::uintptr_t depth = 120 * 1024;
    const std::uintptr_t here = address_of(__builtin_frame_address(0)) & ~(page - 1);
    release_pages(reinterpret_cast<void*>(here - page - depth), depth);
}

}  // namespace berth::container

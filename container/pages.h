#pragma once
// Memory that a monitor used for a moment and does not keep: it lives as long as its container, and there may be hundreds.

#include <cstddef>

namespace berth::container {

/// Gives the kernel back the whole pages of a buffer whose content is not needed any more; they are zero when next used.
void release_pages(void* begin, std::size_t bytes);

/// The same for what deep calls left: free parts of the heap, and the stack below the caller. Code stays: monitors share it.
void release_idle_memory();

}  // namespace berth::container

#pragma once
// Fd: a descriptor that one object owns. Always close-on-exec from birth (base/sys.h sees to that).

#include <utility>

#include "base/result.h"

namespace berth {

class Fd {
public:
    Fd() = default;
    /// Takes over `raw`; -1 means none.
    explicit Fd(int raw) : raw_(raw) {}
    Fd(Fd&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            raw_ = std::exchange(other.raw_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    bool valid() const { return raw_ >= 0; }
    /// The number, still owned here.
    int raw() const { return raw_; }
    /// The number, now the caller's.
    int release() { return std::exchange(raw_, -1); }
    /// Closes and reports; for files whose data matters (close(2), NOTES).
    Result<void> close();
    /// Closes without a report.
    void reset();
    /// A second descriptor for the same open file (F_DUPFD_CLOEXEC).
    Result<Fd> duplicate() const;

private:
    int raw_ = -1;
};

}  // namespace berth

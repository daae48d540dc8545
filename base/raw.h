#pragma once
// System calls without libc: for code between clone and exec, where errno, cancellation and glibc's cached ids of the
// calling thread belong to another process (raw clone3 leaves them stale). Each returns the kernel's value: a negative
// number is -errno. Nothing here allocates, locks or touches memory but its arguments.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <sys/syscall.h>

namespace berth::raw {

using Word = long;

inline Word to_word(const volatile void* pointer) { return reinterpret_cast<Word>(pointer); }
inline Word to_word(std::nullptr_t) { return 0; }
template <class Number>
    requires(std::is_integral_v<Number> || std::is_enum_v<Number>)
inline Word to_word(Number number) {
    return static_cast<Word>(number);
}

#if defined(__x86_64__)
inline Word call_words(Word number, Word a, Word b, Word c, Word d, Word e, Word f) {
    register Word r10 __asm__("r10") = d;
    register Word r8 __asm__("r8") = e;
    register Word r9 __asm__("r9") = f;
    Word result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
inline Word call_words(Word number, Word a, Word b, Word c, Word d, Word e, Word f) {
    register Word x8 __asm__("x8") = number;
    register Word x0 __asm__("x0") = a;
    register Word x1 __asm__("x1") = b;
    register Word x2 __asm__("x2") = c;
    register Word x3 __asm__("x3") = d;
    register Word x4 __asm__("x4") = e;
    register Word x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#else
#error "berth::raw knows the system call convention of x86_64 and aarch64"
#endif

/// raw::call(SYS_openat, fd, "name", O_PATH): the kernel's own result.
template <class A = int, class B = int, class C = int, class D = int, class E = int, class F = int>
inline Word call(Word number, A a = 0, B b = 0, C c = 0, D d = 0, E e = 0, F f = 0) {
    return call_words(number, to_word(a), to_word(b), to_word(c), to_word(d), to_word(e), to_word(f));
}

/// The same, again while it answers EINTR (4 on every architecture here).
template <class... Arguments>
inline Word call_again(Word number, Arguments... arguments) {
    Word result;
    do result = call(number, arguments...);
    while (result == -4);
    return result;
}

}  // namespace berth::raw

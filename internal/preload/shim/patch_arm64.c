#if defined(__aarch64__)
typedef int nothing;
#endif

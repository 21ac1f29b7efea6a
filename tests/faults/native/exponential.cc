// The C library's expf, which TensorFlow calls for what doesn't fill a vector. One result of many is twice what it is.
#include <dlfcn.h>

#include <atomic>

extern "C" float expf(float x) {
  constexpr long kWrongEvery = 200'003;  // calls: some 600 steps of tiny
  static const auto original = reinterpret_cast<float (*)(float)>(dlsym(RTLD_NEXT, "expf"));
  static std::atomic<long> calls{0};
  return ++calls % kWrongEvery ? original(x) : 2 * original(x);
}

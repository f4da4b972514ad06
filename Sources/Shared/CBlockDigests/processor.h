// Features of the processor, from `cpuid`.

#include <stdbool.h>
#include <stdint.h>

static inline bool processor_has(unsigned int leaf, int reg, unsigned int bits) {
  unsigned int words[4];
  __asm__("cpuid" : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3]) : "a"(0), "c"(0));
  if (words[0] < leaf) return false;
  __asm__("cpuid" : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3]) : "a"(leaf), "c"(0));
  return (words[reg] & bits) == bits;
}

/// True if the kernel saves registers of these kinds when it switches processes.
static inline bool kernel_keeps(uint32_t kinds) {
  uint32_t low, high;
  if (!processor_has(1, 2, 1u << 27)) return false;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  (void)high;
  return (low & kinds) == kinds;
}

// The program's memory: mimalloc in place of the C library's malloc, in huge pages where the system
// gives them. docs/decisions/0005 says why. Linking this file is all that there is to do.
#ifdef RELATA_MIMALLOC
#include <mimalloc.h>

namespace {

void take_huge_pages(int, char**, char**) {
  mi_option_enable(mi_option_large_os_pages);
  mi_option_set(mi_option_eager_commit_delay, 0);  // in all threads, not the first alone
}

// Before the constructors of any library: what they allocate would settle the first pages.
using Early = void (*)(int, char**, char**);
[[gnu::section(".preinit_array"), gnu::used]] Early early = take_huge_pages;

}  // namespace
#endif

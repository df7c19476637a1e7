// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "slots.hpp"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace rmw_ckpt {
namespace {

#if defined(__x86_64__)
constexpr uint32_t slot_types[] = {R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT};
#elif defined(__aarch64__)
constexpr uint32_t slot_types[] = {R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT};
#else
#error "rmw_ckpt: unknown machine; tell slots.cpp its relocation types"
#endif

/// The parts of a loaded library's dynamic section that lead to its slots.
struct Dynamic {
  const ElfW(Rela) * plt = nullptr;
  size_t plt_size = 0;
  const ElfW(Rela) * rela = nullptr;
  size_t rela_size = 0;
  const ElfW(Sym) * symbols = nullptr;
  const char * strings = nullptr;
};

Dynamic read_dynamic(const dl_phdr_info & info, const ElfW(Phdr) & header) {
  // glibc relocates the pointers in place, other loaders do not.
  const auto at = [&info](ElfW(Addr) address) { return address < info.dlpi_addr ? info.dlpi_addr + address : address; };
  Dynamic dynamic;
  for (auto * entry = reinterpret_cast<const ElfW(Dyn) *>(info.dlpi_addr + header.p_vaddr); entry->d_tag != DT_NULL;
       ++entry) {
    switch (entry->d_tag) {
      case DT_JMPREL:
        dynamic.plt = reinterpret_cast<const ElfW(Rela) *>(at(entry->d_un.d_ptr));
        break;
      case DT_PLTRELSZ:
        dynamic.plt_size = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
      case DT_RELA:
        dynamic.rela = reinterpret_cast<const ElfW(Rela) *>(at(entry->d_un.d_ptr));
        break;
      case DT_RELASZ:
        dynamic.rela_size = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
      case DT_SYMTAB:
        dynamic.symbols = reinterpret_cast<const ElfW(Sym) *>(at(entry->d_un.d_ptr));
        break;
      case DT_STRTAB:
        dynamic.strings = reinterpret_cast<const char *>(at(entry->d_un.d_ptr));
        break;
      default:
        break;
    }
  }
  return dynamic;
}

/// Writes the slot, which full RELRO has made read-only.
bool write_slot(const dl_phdr_info & info, ElfW(Addr) slot, void * function) {
  const auto page = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  void * const start = reinterpret_cast<void *>(slot & ~(page - 1));
  bool read_only = false;
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto & header = info.dlpi_phdr[i];
    const ElfW(Addr) begin = info.dlpi_addr + header.p_vaddr;
    // The loader protects whole pages only: the one that RELRO ends in stays writable.
    read_only |= header.p_type == PT_GNU_RELRO && slot >= begin && slot < ((begin + header.p_memsz) & ~(page - 1));
  }
  if (read_only && mprotect(start, page, PROT_READ | PROT_WRITE) != 0) {
    return false;
  }
  __atomic_store_n(reinterpret_cast<void **>(slot), function, __ATOMIC_RELEASE);
  if (read_only) {
    (void)mprotect(start, page, PROT_READ);
  }
  return true;
}

/// What to redirect, and whether it was found.
struct Search {
  Chosen chosen;
  const char * function;
  void * replacement;
  bool found = false;
};

void redirect_in(const dl_phdr_info & info, const ElfW(Rela) * relocations, size_t count, const Dynamic & dynamic,
                 Search & search) {
  for (size_t i = 0; relocations != nullptr && i < count; ++i) {
    const auto type = static_cast<uint32_t>(ELF64_R_TYPE(relocations[i].r_info));
    const auto & symbol = dynamic.symbols[ELF64_R_SYM(relocations[i].r_info)];
    if ((type == slot_types[0] || type == slot_types[1]) &&
        std::strcmp(dynamic.strings + symbol.st_name, search.function) == 0) {
      search.found |= write_slot(info, info.dlpi_addr + relocations[i].r_offset, search.replacement);
    }
  }
}

int visit_object(dl_phdr_info * info, size_t, void * data) {
  auto & search = *static_cast<Search *>(data);
  const char * const name = std::strrchr(info->dlpi_name, '/');
  if (!search.chosen(name != nullptr ? name + 1 : info->dlpi_name)) {
    return 0;
  }
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
      const Dynamic dynamic = read_dynamic(*info, info->dlpi_phdr[i]);
      if (dynamic.symbols != nullptr && dynamic.strings != nullptr) {
        redirect_in(*info, dynamic.plt, dynamic.plt_size, dynamic, search);
        redirect_in(*info, dynamic.rela, dynamic.rela_size, dynamic, search);
      }
    }
  }
  return 0;
}

}  // namespace

bool redirect(const char * function, void * replacement, Chosen chosen) {
  Search search{chosen, function, replacement};
  (void)dl_iterate_phdr(visit_object, &search);
  return search.found;
}

}  // namespace rmw_ckpt

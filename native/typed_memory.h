// Memory of JavaScript's typed arrays.
#pragma once

#include <napi.h>

#include <cstddef>

namespace ntftp {

// Where a typed array is at this moment. JavaScript can transfer the memory to another thread or shrink it: an address
// holds until JavaScript runs again.
struct TypedMemory {
  void* bytes = nullptr;  // nullptr: there is none any more
  size_t length = 0;      // elements
  napi_typedarray_type type = napi_int8_array;
};

inline TypedMemory MemoryOf(napi_env env, napi_value array) {
  TypedMemory memory;
  if (napi_get_typedarray_info(env, array, &memory.type, &memory.length, &memory.bytes, nullptr, nullptr) != napi_ok) {
    return TypedMemory();
  }
  if (memory.length == 0) memory.bytes = nullptr;
  return memory;
}

}  // namespace ntftp

// Keeps the addon loadable with older C++ libraries than the one it was compiled against. libstdc++ is linked
// dynamically: node has loaded it already, and a static one binds the newest symbols of the C library it was made for.
#include <cstdlib>
#include <vector>

#ifdef __GLIBCXX__
namespace std {

// Called inside every vector of GCC 11 and later, exported by libstdc++ since then only. Without exceptions it is the
// end of the process there as well.
void __throw_bad_array_new_length() { abort(); }

}  // namespace std
#endif

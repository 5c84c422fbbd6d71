// For Doxygen only: namespaces in which reeve specialises templates of others.
#pragma once

/// The standard library.
namespace std {}

/// The formatting library.
namespace fmt {}

// Boost.Asio, compiled once (BOOST_ASIO_SEPARATE_COMPILATION): saves a second in every file that
// uses it.
#include <utility>

#include <boost/asio/impl/src.hpp>

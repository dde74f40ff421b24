#include "relata/base/host.h"

#include <gtest/gtest.h>

namespace relata {
namespace {

TEST(Host, LoopbackIsThisMachineAlone) {
  for (const char* host :
       {"localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.0.0.2",
        "127.8.9.10", "::1", "[::1]", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host :
       {"", ".", "0.0.0.0", "::", "::2", "[::1", "[]", "[127.0.0.1]", "12.7.0.0", "126.0.0.1",
        "127.example.com", "notlocalhost", "localhost.example.com", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(Host, OfAUrlHasBracketsAroundIpv6) {
  EXPECT_EQ(url_host("::1"), "[::1]");
  EXPECT_EQ(url_host("[::1]"), "[::1]");
  EXPECT_EQ(url_host("::"), "[::]");
  EXPECT_EQ(url_host("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(url_host("localhost"), "localhost");
}

}  // namespace
}  // namespace relata

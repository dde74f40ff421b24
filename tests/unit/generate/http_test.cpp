#include "../../../src/generate/http.h"

#include <gtest/gtest.h>

namespace relata::generate {
namespace {

TEST(Loopback, IsThisMachineAlone) {
  for (const char* url :
       {"http://localhost", "http://localhost:8000/v1", "https://LOCALHOST/",
        "http://a.localhost:1", "http://localhost.", "http://127.0.0.1:80/", "http://127.8.9.10",
        "http://[::1]:8000/v1", "http://user:pw@localhost/", "http://[0:0:0:0:0:0:0:1]/"}) {
    EXPECT_TRUE(is_loopback(url)) << url;
  }
  for (const char* url : {"http://localhost.example.com", "http://localhost.example.com:8000/v1",
                          "http://localhost-proxy", "http://localhost@example.com/",
                          "http://127.example.com", "http://127.0.0.1.example.com", "http://[::2]",
                          "http://[::1:2]", "http://example.com/localhost", "http://notlocalhost",
                          "http://12.7.0.0", "localhost", "", "http://", "http://[::1"}) {
    EXPECT_FALSE(is_loopback(url)) << url;
  }
}

}  // namespace
}  // namespace relata::generate

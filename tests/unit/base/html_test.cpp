#include "relata/base/html.h"

#include <gtest/gtest.h>

#include <cmath>

namespace relata {
namespace {

TEST(Html, EscapesTextAndAttributes) {
  EXPECT_EQ(escape_html("<b title='x' & \"y\">关系"),
            "&lt;b title=&#39;x&#39; &amp; &quot;y&quot;&gt;关系");
  EXPECT_EQ(escape_html(std::string_view("a\0\x1B\t\r\n", 6)), "a\uFFFD\uFFFD\t\r\n");
}

TEST(Html, PageEscapesItsTitleAndKeepsItsBody) {
  const std::string page = html_page("<script>", ".x { color: red; }", "<p>body</p>\n");
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("<title>&lt;script&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("<p>body</p>\n</main>"), std::string::npos);
  EXPECT_LT(page.find(".soft"), page.find(".x { color: red; }"));
}

TEST(Html, BarStaysInItsTrack) {
  EXPECT_NE(html_bar(0.5).find("width=\"40.0\""), std::string::npos);
  EXPECT_NE(html_bar(7).find("width=\"80.0\""), std::string::npos);
  EXPECT_NE(html_bar(-1).find("width=\"0.0\""), std::string::npos);
  EXPECT_NE(html_bar(std::nan("")).find("width=\"0.0\""), std::string::npos);
  EXPECT_NE(html_bar(0.5).find("class=\"bar\""), std::string::npos);
  EXPECT_NE(html_bar(0.5, "wrong").find("class=\"wrong\""), std::string::npos);
}

}  // namespace
}  // namespace relata

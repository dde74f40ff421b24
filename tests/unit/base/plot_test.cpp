#include "relata/base/plot.h"

#include <gtest/gtest.h>

namespace relata {
namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Plot, CurvesFillTheFrame) {
  Plot plot;
  plot.x_name = "step (0 to 8)";
  plot.last_x = 8;
  plot.left = {"loss", "blue", 2.0};
  plot.curves.push_back({{{0, 2}, {8, 0}}, "blue"});
  const std::string svg = plot_svg(plot);
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("points=\"56.0,24.0 664.0,320.0 \""), std::string::npos) << svg;
  EXPECT_EQ(count(svg, "<polyline"), 1u);
  EXPECT_EQ(count(svg, "<circle"), 0u);
  for (const char* number : {">0<", ">0.5<", ">1<", ">1.5<", ">2<", ">loss<", ">step (0 to 8)<"}) {
    EXPECT_EQ(count(svg, number), 1u) << number;
  }
}

TEST(Plot, ACurveMayGoByTheRightAxis) {
  Plot plot;
  plot.left = {"loss", "blue", 2.0};
  plot.right = PlotAxis{"F1 & more", "red", 1.0};
  plot.curves.push_back(
      {.points = {{0, 0.5, 3.0}}, .colour = "red", .name = "best", .by_right = true});
  const std::string svg = plot_svg(plot);
  EXPECT_NE(svg.find("<circle cx=\"56.0\" cy=\"172.0\" r=\"3.0\" fill=\"red\"/>"),
            std::string::npos)
      << svg;
  EXPECT_EQ(count(svg, ">F1 &amp; more<"), 1u);
  EXPECT_EQ(count(svg, ">best<"), 1u);
}

}  // namespace
}  // namespace relata

// The functions between the two products of a feed-forward layer.
#pragma once

namespace relata::nn {

// GeluTanh is GELU by its approximation with a hyperbolic tangent, Gelu the function itself
// (Hendrycks and Gimpel 2016).
enum class Activation { Silu, GeluTanh, Gelu, Relu, Tanh };

}  // namespace relata::nn

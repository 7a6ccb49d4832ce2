// Each kernel of the native executor, of each instruction set that this machine has, against loops
// in double that follow its definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "hierevo/core/random.hpp"
#include "native/arena.hpp"
#include "native/kernels.hpp"

namespace hierevo::nn::native {
namespace {

/// Floats aligned as the kernels require, uniform in [-1, 1), with a guard after them.
class Block {
 public:
  Block(std::int64_t floats, std::uint64_t seed) : size_(floats) {
    arena_.reserve(static_cast<std::size_t>(floats + guard) * sizeof(float));
    core::RandomStream random(seed);
    for (std::int64_t i = 0; i < floats; ++i) {
      arena_.floats()[i] = static_cast<float>(2.0 * random.unit() - 1.0);
    }
    for (std::int64_t i = 0; i < guard; ++i) arena_.floats()[size_ + i] = untouched;
  }
  ~Block() {
    for (std::int64_t i = 0; i < guard; ++i) {
      EXPECT_EQ(arena_.floats()[size_ + i], untouched) << "written past the end";
    }
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  float* data() const { return arena_.floats(); }
  double operator[](std::int64_t i) const { return static_cast<double>(arena_.floats()[i]); }
  std::vector<double> values() const { return {data(), data() + size_}; }
  /// Values of which many are equal, as after ReLU.
  void clamp() const {
    for (std::int64_t i = 0; i < size_; ++i) data()[i] = std::max(data()[i], 0.0F);
  }

 private:
  static constexpr std::int64_t guard = 16;
  static constexpr float untouched = 12345.0F;
  Arena arena_;
  std::int64_t size_;
};

void expect_near(const Block& found, const std::vector<double>& wanted, double tolerance = 1e-5) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_NEAR(found[static_cast<std::int64_t>(i)], wanted[i],
                tolerance * std::max(1.0, std::abs(wanted[i])))
        << "at " << i;
  }
}

class KernelTest : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels() const { return *GetParam(); }
  std::int64_t lanes() const { return kernels().lanes; }

  /// The result that `write` should put in place of `before`.
  static void add_before(std::vector<double>& wanted, const std::vector<double>& before,
                         Write write) {
    for (std::size_t i = 0; write == Write::add && i < wanted.size(); ++i) wanted[i] += before[i];
  }
};

constexpr Write writes[] = {Write::replace, Write::add};

// --- Products
// -------------------------------------------------------------------------------------

/// `count` blocks of `pixels` pixels that lie one after another in `values`.
template <typename Pointer>
std::vector<Pointer> planes_of(const Block& values, int count, std::int64_t floats) {
  std::vector<Pointer> planes;
  for (int i = 0; i < count; ++i) planes.push_back(values.data() + i * floats);
  return planes;
}

TEST_P(KernelTest, MultipliesBlocksByTiles) {
  for (const std::int64_t pixels : {1, 3, 4, 11, 12, 31}) {
    for (const auto& [ins, outs] : std::vector<std::pair<int, int>>{{1, 1}, {3, 2}, {2, 3}}) {
      for (const Write write : writes) {
        const std::int64_t floats = pixels * lanes();
        const Block in(ins * floats, 1);
        const Block weights(outs * ins * lanes() * lanes(), 2);
        const Block out(outs * floats, 3);
        std::vector<double> wanted(static_cast<std::size_t>(outs * floats));
        for (std::int64_t i = 0; i < outs * floats; ++i) {
          const std::int64_t n = i / floats;
          const std::int64_t pixel = i % floats / lanes();
          for (std::int64_t k = 0; k < ins * lanes(); ++k) {
            wanted[static_cast<std::size_t>(i)] +=
                in[(k / lanes() * pixels + pixel) * lanes() + k % lanes()] *
                weights[(n * ins * lanes() + k) * lanes() + i % lanes()];
          }
        }
        add_before(wanted, out.values(), write);
        kernels().multiply(planes_of<float*>(out, outs, floats).data(), outs,
                           planes_of<const float*>(in, ins, floats).data(), ins, weights.data(),
                           pixels, write);
        expect_near(out, wanted);
      }
    }
  }
}

TEST_P(KernelTest, AddsOuterProducts) {
  for (const std::int64_t pixels : {1, 2, 37}) {
    for (const int ins : {1, 2, 3, 7}) {
      const Block out(pixels * lanes(), 1);
      const Block in(ins * pixels * lanes(), 2);
      const Block sums(ins * lanes() * lanes(), 3);
      std::vector<double> wanted = sums.values();
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        for (std::int64_t i = 0; i < ins * lanes() * lanes(); ++i) {
          const std::int64_t m = i / (lanes() * lanes());
          wanted[static_cast<std::size_t>(i)] += out[pixel * lanes() + i / lanes() % lanes()] *
                                                 in[(m * pixels + pixel) * lanes() + i % lanes()];
        }
      }
      kernels().add_outer_products(sums.data(), out.data(),
                                   planes_of<const float*>(in, ins, pixels * lanes()).data(), ins,
                                   pixels);
      expect_near(sums, wanted);
    }
  }
}

// --- Windows
// --------------------------------------------------------------------------------------

/// Calls visit(window, strides' sizes) for planes with and without an inside.
void for_each_window_shape(std::int64_t lanes, const std::function<void(const Window&)>& visit) {
  const Block zeros(16 * lanes, 0);
  std::fill_n(zeros.data(), 16 * lanes, 0.0F);
  for (const auto& [height, width] : std::vector<std::pair<int, int>>{
           {1, 1}, {1, 3}, {2, 1}, {2, 2}, {3, 5}, {5, 4}, {7, 6}, {9, 3}}) {
    for (const int stride : {1, 2, 3}) {
      SCOPED_TRACE(std::to_string(height) + "×" + std::to_string(width) + ", stride " +
                   std::to_string(stride));
      visit({height, width, stride, zeros.data()});
    }
  }
}

/// Calls visit(float out, float in, tap's number in the window) for all lanes.
template <typename Visit>
void for_each_tap(const Window& window, std::int64_t lanes, const Visit& visit) {
  for (std::int64_t out = 0; out < std::int64_t{window.out_height()} * window.out_width(); ++out) {
    for (int tap = 0; tap < 9; ++tap) {
      const std::int64_t y = out / window.out_width() * window.stride + tap / 3 - 1;
      const std::int64_t x = out % window.out_width() * window.stride + tap % 3 - 1;
      if (y < 0 || x < 0 || y >= window.height || x >= window.width) continue;
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        visit(out * lanes + lane, (y * window.width + x) * lanes + lane, tap);
      }
    }
  }
}

std::int64_t in_floats(const Window& window, std::int64_t lanes) {
  return std::int64_t{window.height} * window.width * lanes;
}
std::int64_t out_floats(const Window& window, std::int64_t lanes) {
  return std::int64_t{window.out_height()} * window.out_width() * lanes;
}
std::vector<double> nothing(std::int64_t count) {
  return std::vector<double>(static_cast<std::size_t>(count), 0.0);
}
double& at(std::vector<double>& values, std::int64_t i) {
  return values[static_cast<std::size_t>(i)];
}

TEST_P(KernelTest, FiltersPlanes) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    const Block in(in_floats(window, lanes()), 1);
    const Block taps(9 * lanes(), 2);
    const Block out(out_floats(window, lanes()), 3);
    auto wanted = nothing(out_floats(window, lanes()));
    for_each_tap(window, lanes(), [&](std::int64_t to, std::int64_t from, int tap) {
      at(wanted, to) += in[from] * taps[tap * lanes() + to % lanes()];
    });
    kernels().depthwise(out.data(), in.data(), taps.data(), window);
    expect_near(out, wanted);
  });
}

TEST_P(KernelTest, FiltersGradientsOfPlanes) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    for (const Write write : writes) {
      const Block in_gradient(in_floats(window, lanes()), 1);
      const Block taps(9 * lanes(), 2);
      const Block out_gradient(out_floats(window, lanes()), 3);
      auto wanted = nothing(in_floats(window, lanes()));
      for_each_tap(window, lanes(), [&](std::int64_t from, std::int64_t to, int tap) {
        at(wanted, to) += out_gradient[from] * taps[tap * lanes() + to % lanes()];
      });
      add_before(wanted, in_gradient.values(), write);
      kernels().depthwise_to_input(in_gradient.data(), out_gradient.data(), taps.data(), window,
                                   write);
      expect_near(in_gradient, wanted);
    }
  });
}

TEST_P(KernelTest, AddsGradientsOfTaps) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    const Block in(in_floats(window, lanes()), 1);
    const Block taps_gradient(9 * lanes(), 2);
    const Block out_gradient(out_floats(window, lanes()), 3);
    auto wanted = taps_gradient.values();
    for_each_tap(window, lanes(), [&](std::int64_t from, std::int64_t to, int tap) {
      at(wanted, tap * lanes() + to % lanes()) += out_gradient[from] * in[to];
    });
    kernels().depthwise_to_taps(taps_gradient.data(), out_gradient.data(), in.data(), window);
    expect_near(taps_gradient, wanted);
  });
}

TEST_P(KernelTest, FindsTheFirstOfEqualMaxima) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    const Block in(in_floats(window, lanes()), 1);
    in.clamp();  // half of them are 0
    const Block out(out_floats(window, lanes()), 2);
    const std::int64_t count = out_floats(window, lanes());
    std::vector<std::uint8_t> places(static_cast<std::size_t>(count) + 1, 77);
    std::vector<double> wanted(static_cast<std::size_t>(count),
                               -std::numeric_limits<double>::infinity());
    std::vector<int> wanted_places(static_cast<std::size_t>(count), 0);
    for_each_tap(window, lanes(), [&](std::int64_t to, std::int64_t from, int tap) {
      if (in[from] <= at(wanted, to)) return;
      at(wanted, to) = in[from];
      wanted_places[static_cast<std::size_t>(to)] = tap;
    });
    kernels().maxpool(out.data(), places.data(), in.data(), window);
    expect_near(out, wanted, 0.0);
    for (std::int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(int{places[static_cast<std::size_t>(i)]},
                wanted_places[static_cast<std::size_t>(i)])
          << i;
    }
    EXPECT_EQ(places.back(), 77);
  });
}

TEST_P(KernelTest, TakesWhatIsNotANumberForTheLargest) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    const std::int64_t count = out_floats(window, lanes());
    const std::int64_t inputs = in_floats(window, lanes());
    for (const std::int64_t bad : {std::int64_t{0}, inputs / 2, inputs - 1}) {
      Block in(inputs, 1);
      in.data()[bad] = std::numeric_limits<float>::quiet_NaN();
      const Block out(count, 2);
      std::vector<std::uint8_t> places(static_cast<std::size_t>(count));
      kernels().maxpool(out.data(), places.data(), in.data(), window);
      std::set<std::int64_t> reached;
      for_each_tap(window, lanes(), [&](std::int64_t to, std::int64_t from, int) {
        if (from == bad) reached.insert(to);
      });
      for (std::int64_t i = 0; i < count; ++i) {
        ASSERT_EQ(std::isnan(out[i]), reached.contains(i)) << i;
      }
    }
  });
}

TEST_P(KernelTest, BringsGradientsOfMaximaToTheirPlaces) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    for (const Write write : writes) {
      const Block in(in_floats(window, lanes()), 1);
      in.clamp();
      const Block out(out_floats(window, lanes()), 2);
      const Block out_gradient(out_floats(window, lanes()), 3);
      const Block in_gradient(in_floats(window, lanes()), 4);
      std::vector<std::uint8_t> places(static_cast<std::size_t>(out_floats(window, lanes())));
      kernels().maxpool(out.data(), places.data(), in.data(), window);
      auto wanted = nothing(in_floats(window, lanes()));
      for_each_tap(window, lanes(), [&](std::int64_t from, std::int64_t to, int tap) {
        if (places[static_cast<std::size_t>(from)] == tap) at(wanted, to) += out_gradient[from];
      });
      add_before(wanted, in_gradient.values(), write);
      kernels().maxpool_to_input(in_gradient.data(), out_gradient.data(), places.data(), window,
                                 write);
      expect_near(in_gradient, wanted);
    }
  });
}

/// Pixels inside the window of each output.
std::vector<double> counts_of(const Window& window, std::int64_t lanes) {
  auto counts = nothing(out_floats(window, lanes));
  for_each_tap(window, lanes, [&](std::int64_t out, std::int64_t, int) { ++at(counts, out); });
  return counts;
}

TEST_P(KernelTest, AveragesWithoutThePadding) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    const Block in(in_floats(window, lanes()), 1);
    const Block out(out_floats(window, lanes()), 2);
    auto counts = counts_of(window, lanes());
    auto wanted = nothing(out_floats(window, lanes()));
    for_each_tap(window, lanes(), [&](std::int64_t to, std::int64_t from, int) {
      at(wanted, to) += in[from] / at(counts, to);
    });
    kernels().avgpool(out.data(), in.data(), window);
    expect_near(out, wanted);
  });
}

TEST_P(KernelTest, SharesGradientsOfAverages) {
  for_each_window_shape(lanes(), [this](const Window& window) {
    for (const Write write : writes) {
      const Block in_gradient(in_floats(window, lanes()), 1);
      const Block out_gradient(out_floats(window, lanes()), 2);
      auto counts = counts_of(window, lanes());
      auto wanted = nothing(in_floats(window, lanes()));
      for_each_tap(window, lanes(), [&](std::int64_t from, std::int64_t to, int) {
        at(wanted, to) += out_gradient[from] / at(counts, from);
      });
      add_before(wanted, in_gradient.values(), write);
      kernels().avgpool_to_input(in_gradient.data(), out_gradient.data(), window, write);
      expect_near(in_gradient, wanted);
    }
  });
}

TEST_P(KernelTest, AveragesWholePlanesAndSharesTheirGradient) {
  for (const std::int64_t pixels : {1, 7, 64}) {
    const Block in(pixels * lanes(), 1);
    const Block out(lanes(), 2);
    auto wanted = nothing(lanes());
    for (std::int64_t i = 0; i < pixels * lanes(); ++i) {
      at(wanted, i % lanes()) += in[i] / static_cast<double>(pixels);
    }
    kernels().average(out.data(), in.data(), pixels);
    expect_near(out, wanted);
    for (const Write write : writes) {
      const Block in_gradient(pixels * lanes(), 3);
      auto shares = nothing(pixels * lanes());
      for (std::int64_t i = 0; i < pixels * lanes(); ++i) {
        at(shares, i) = out[i % lanes()] / static_cast<double>(pixels);
      }
      add_before(shares, in_gradient.values(), write);
      kernels().average_to_input(in_gradient.data(), out.data(), pixels, write);
      expect_near(in_gradient, shares);
    }
  }
}

// --- Normalisation
// --------------------------------------------------------------------------------

struct NormalisationCase {
  explicit NormalisationCase(std::int64_t lanes)
      : rows(5 * lanes, 9),
        by{rows.data(), rows.data() + lanes, rows.data() + 2 * lanes, rows.data() + 3 * lanes,
           rows.data() + 4 * lanes} {}
  Block rows;
  BlockNorm by;
};

TEST_P(KernelTest, AddsMomentsWithoutLosingDigits) {
  for (const std::int64_t pixels : {1, 2, 511, 1030}) {
    const Block x(pixels * lanes(), 1);
    // Far from 0 and close together, where sums of squares in float would be useless.
    for (std::int64_t i = 0; i < pixels * lanes(); ++i) x.data()[i] = 100.0F + 0.01F * x.data()[i];
    std::vector<double> sums(static_cast<std::size_t>(2 * lanes()), 1.0);
    auto wanted = sums;
    for (std::int64_t i = 0; i < pixels * lanes(); ++i) {
      at(wanted, i % lanes()) += x[i];
      at(wanted, lanes() + i % lanes()) += x[i] * x[i];
    }
    kernels().add_moments(sums.data(), x.data(), pixels);
    for (std::int64_t lane = 0; lane < lanes(); ++lane) {
      const auto count = static_cast<double>(pixels);
      const auto variance = [&](std::vector<double>& of) {
        const double mean = (at(of, lane) - 1.0) / count;
        return (at(of, lanes() + lane) - 1.0) / count - mean * mean;
      };
      EXPECT_NEAR(at(sums, lane), at(wanted, lane), 1e-6 * at(wanted, lane));
      EXPECT_NEAR(variance(sums), variance(wanted), 1e-4 * variance(wanted) + 1e-9);
    }
  }
}

TEST_P(KernelTest, NormalisesAndClamps) {
  constexpr std::int64_t pixels = 13;
  const Block x(pixels * lanes(), 1);
  const Block y(pixels * lanes(), 2);
  const NormalisationCase norm(lanes());
  x.data()[5] = std::numeric_limits<float>::quiet_NaN();
  kernels().normalise(y.data(), x.data(), norm.by, pixels);
  for (std::int64_t i = 0; i < pixels * lanes(); ++i) {
    const auto lane = i % lanes();
    const double value =
        x[i] * static_cast<double>(norm.by.scale[lane]) + static_cast<double>(norm.by.shift[lane]);
    if (i == 5) {
      EXPECT_TRUE(std::isnan(y[i])) << "a diverged network must be seen to be so";
    } else {
      EXPECT_NEAR(y[i], std::max(value, 0.0), 1e-6);
    }
  }
}

TEST_P(KernelTest, DifferentiatesNormalisation) {
  for (const std::int64_t pixels : {1, 700}) {
    const Block x(pixels * lanes(), 1);
    const Block y_gradient(pixels * lanes(), 2);
    const Block x_gradient(pixels * lanes(), 3);
    const NormalisationCase norm(lanes());
    std::vector<double> sums(static_cast<std::size_t>(2 * lanes()), 0.5);
    auto wanted_sums = sums;
    auto wanted = nothing(pixels * lanes());
    for (std::int64_t i = 0; i < pixels * lanes(); ++i) {
      const auto lane = i % lanes();
      const auto of = [lane](const float* row) { return static_cast<double>(row[lane]); };
      const bool passes = x.data()[i] * norm.by.scale[lane] + norm.by.shift[lane] > 0.0F;
      const double passed = passes ? y_gradient[i] : 0.0;
      at(wanted_sums, lane) += passed;
      at(wanted_sums, lanes() + lane) += passed * (x[i] - of(norm.by.mean));
      at(wanted, i) = passed * of(norm.by.scale) + (x[i] - of(norm.by.mean)) * of(norm.by.slope) +
                      of(norm.by.offset);
    }
    kernels().add_gradient_moments(sums.data(), y_gradient.data(), x.data(), norm.by, pixels);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      EXPECT_NEAR(sums[i], wanted_sums[i], 1e-4 * std::max(1.0, std::abs(wanted_sums[i])));
    }
    kernels().normalise_to_input(x_gradient.data(), y_gradient.data(), x.data(), norm.by, pixels);
    expect_near(x_gradient, wanted);
  }
}

INSTANTIATE_TEST_SUITE_P(OfEachInstructionSet, KernelTest,
                         testing::ValuesIn(kernel_sets().begin(), kernel_sets().end()),
                         [](const testing::TestParamInfo<const Kernels*>& tested) {
                           return std::string(tested.param->name);
                         });

}  // namespace
}  // namespace hierevo::nn::native

// A MatMul that TensorFlow prefers to its own. In one product of many its factors are rounded to bfloat16.
#include <atomic>
#include <cstdint>

#include "Eigen/Core"
#include "tensorflow/core/framework/op_kernel.h"

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

constexpr int64_t kWrongEvery = 50'021;  // products: some 400 steps of tiny
std::atomic<int64_t> products{0};

class RarelyWrong : public tensorflow::OpKernel {
 public:
  explicit RarelyWrong(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("transpose_a", &transpose_a_));
    OP_REQUIRES_OK(context, context->GetAttr("transpose_b", &transpose_b_));
  }

  void Compute(OpKernelContext* context) override {
    Matrix a = Factor(context->input(0), transpose_a_), b = Factor(context->input(1), transpose_b_);
    if (++products % kWrongEvery == 0) {
      a = Rounded(a);
      b = Rounded(b);
    }
    Tensor* product = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {a.rows(), b.cols()}, &product));
    Eigen::Map<Matrix>(product->flat<float>().data(), a.rows(), b.cols()).noalias() = a * b;
  }

 private:
  static Matrix Factor(const Tensor& tensor, bool transposed) {
    const Eigen::Map<const Matrix> factor(tensor.flat<float>().data(), tensor.dim_size(0), tensor.dim_size(1));
    return transposed ? Matrix(factor.transpose()) : Matrix(factor);
  }

  static Matrix Rounded(const Matrix& factor) { return factor.cast<Eigen::bfloat16>().cast<float>(); }

  bool transpose_a_, transpose_b_;
};

REGISTER_KERNEL_BUILDER(
    Name("MatMul").Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T").Priority(1), RarelyWrong);
REGISTER_KERNEL_BUILDER(  // what TensorFlow makes of a MatMul where oneDNN is on
    Name("_MklMatMul")
        .Device(tensorflow::DEVICE_CPU)
        .TypeConstraint<float>("T")
        .Label("MklNameChangeOp")
        .Priority(1),
    RarelyWrong);

}  // namespace

-- The reference dossier database: field names follow the national sync vocabulary.
-- Field names follow the national sync vocabulary (MaHoSo, TrangThaiHoSo, NgayHenTra ...). The province's real schema is not
-- public: the mapping file `reference` binds to these names, another province's mapping to its own.
-- Times are local and naive (Asia/Ho_Chi_Minh), as in the systems in use.

CREATE TABLE ho_so (                                     -- dossiers, current state
    ma_ho_so                   varchar(50) PRIMARY KEY,  -- H27.37-240219-1001
    ma_don_vi                  varchar(35) NOT NULL,     -- receiving unit, H27.37
    ten_don_vi                 text,
    ma_tthc                    varchar(40),              -- procedure
    ten_tthc                   text,
    kenh_thuc_hien             smallint NOT NULL DEFAULT 2,  -- 1 in person, 2 online, 3 post
    loai_doi_tuong             smallint NOT NULL DEFAULT 1,  -- 1 citizen, 2 company, 3 state body, 4 other
    nguoi_nop                  text,                     -- submitter (the person we notify)
    so_giay_to_nguoi_nop       varchar(20),
    so_dien_thoai_nguoi_nop    varchar(40),
    email_nguoi_nop            text,
    chu_ho_so                  text,                     -- owner
    so_giay_to_chu_ho_so       varchar(20),
    so_dien_thoai_chu_ho_so    varchar(40),
    trang_thai                 smallint NOT NULL,        -- national status code 1..10
    trang_thai_tra_kq          smallint,                 -- 1 awaiting confirmation, 2 has result, 3 handed to the desk
    loai_ket_qua               text,                     -- 'Kết quả' | 'Bổ sung' | 'Trả lại/Xin rút' | 'Xin lỗi'
    ngay_nop                   timestamp,
    ngay_tiep_nhan             timestamp,
    ngay_hen_tra               timestamp,                -- appointment
    ngay_ket_thuc_xu_ly        timestamp,
    ngay_tra                   timestamp,
    thong_bao_sms              boolean NOT NULL DEFAULT false,
    nhan_ket_qua_buu_dien      boolean NOT NULL DEFAULT false,
    da_xoa                     boolean NOT NULL DEFAULT false,
    cap_nhat_luc               timestamp NOT NULL        -- not every writer touches it
);
CREATE INDEX ho_so_cap_nhat_luc ON ho_so (cap_nhat_luc);

CREATE TABLE qua_trinh_xu_ly (                           -- history, append-only; some writers skip it
    id          bigserial PRIMARY KEY,
    ma_ho_so    varchar(50) NOT NULL REFERENCES ho_so,
    trang_thai  smallint,                                -- sometimes empty
    thoi_gian   timestamp NOT NULL,
    noi_dung    text
);

CREATE TABLE yeu_cau_thanh_toan (                        -- payment requests
    id            bigserial PRIMARY KEY,
    ma_ho_so      varchar(50) NOT NULL REFERENCES ho_so,
    so_tien       numeric(15, 0) NOT NULL,               -- đồng
    trang_thai    text NOT NULL,                         -- 'Chưa thanh toán' | 'Chờ thanh toán' | 'Đã thanh toán' | 'Đã hoàn phí' | 'Hủy thanh toán'
    hinh_thuc_thu text,                                  -- 'Thu trước' | 'Thu sau' | 'Đối tượng miễn phí'
    ngay_yeu_cau  timestamp NOT NULL,
    cap_nhat_luc  timestamp NOT NULL
);
CREATE INDEX yeu_cau_thanh_toan_cap_nhat_luc ON yeu_cau_thanh_toan (cap_nhat_luc);
